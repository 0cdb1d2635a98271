// The matrix of S0-13: every kind of empty-table reclaim against everything that uses page tables, on the same table and on the
// one beside it; and every two users of tables against each other. Nobody drew these: each pair is explored with the core as
// it is. One function makes a scene of a pair, so that another kind of reclaim, or another user of tables, is one more case.
// docs/races.md has the results.

import Quire
import QuireHost

/// How empty tables are reclaimed.
enum ReclaimKind: String, CaseIterable, Sendable {
    /// By a scan after the zap, as the RFC has it.
    case rfc
    /// Inside the zap, as the final series has it.
    case sync
    /// By the background reclaimer, of a table whose page was given to MADV_FREE (docs/async-reclaim.md).
    case async
}

/// Who uses tables meanwhile.
enum TableUser: String, CaseIterable, Sendable {
    case fault, mprotect
    /// mremap of a page, entry by entry, and of 2 MiB, by its table.
    case mremap, mremapTable = "mremap-table"
    /// Pages for a driver: without a lock where they are there, else by a fault.
    case gupFast = "gup-fast", gupSlow = "gup-slow"
    /// MADV_COLLAPSE; khugepaged comes the same way.
    case collapse
    /// From a folio to its mappings: out of all of them to swap and back, and to other frames.
    case rmapUnmap = "rmap-unmap", migrate
    /// UFFDIO_MOVE's primitive: a page out of the table, and one into it.
    case moveOut = "move-out", moveIn = "move-in"
    /// Reclaim by MADV_PAGEOUT of a page that was given to MADV_FREE.
    case pageOut = "pageout"
    case munmap, fork
    /// MADV_DONTNEED of the 2 MiB.
    case discard

    /// What the search of a pair is bounded by: a collapse is a thousand steps, a fork nearly as many.
    var preemptions: Int { self == .collapse || self == .fork ? 1 : 2 }
}

extension Scenario {
    /// Where a CPU moves things to or from: 2 MiB without an area, unless it needs one.
    private static func elsewhere(_ number: Int) -> UInt64 { sceneStart + UInt64(4 + 2 * number) * sceneSpan }

    static let reclaimMatrix: [Scenario] =
        ReclaimKind.allCases.flatMap { kind in
            TableUser.allCases.flatMap { user in [pair(kind, user, span: 0), pair(kind, user, span: 1)] }
        } + trios

    /// A reclaim of span 0 on CPU 0, a user of the table of span `span` on CPU 1. What may fail fails, too: the try of the PMD's
    /// lock, the gather's batch; and the zap is interrupted.
    private static func pair(_ kind: ReclaimKind, _ user: TableUser, span: UInt64) -> Scenario {
        Scenario(
            "M-\(kind.rawValue)-\(user.rawValue)\(span == 0 ? "" : "-adjacent")",
            "reclaim (\(kind.rawValue)) and \(user.rawValue) of \(span == 0 ? "the same table" : "the table beside it")",
            rows: ["S0-13"], before: nil, chances: [.tryLockFails, .batchFails, .reschedules],
            strategy: .exhaustive(preemptions: kind == .rfc && span == 1 ? 1 : user.preemptions)
        ) { omissions in
            let scene = try matrixScene([.discard, user], kind, without: omissions)
            reclaims(scene, kind)
            uses(scene, 1, user, span: span)
            return scene
        }
    }

    /// Three at once, where a third could matter: it frees what the second one found, or refills what the first one emptied.
    private static let trios: [Scenario] = [
        trio(.sync, .fault, .fault), trio(.sync, .fault, .mremapTable), trio(.sync, .gupFast, .fault),
        trio(.sync, .rmapUnmap, .fault), trio(.sync, .moveIn, .fault), trio(.rfc, .fault, .fault),
        trio(.async, .fault, .discard), trio(.async, .gupFast, .fault),
    ]

    private static func trio(_ kind: ReclaimKind, _ first: TableUser, _ second: TableUser) -> Scenario {
        Scenario(
            "M3-\(kind.rawValue)-\(first.rawValue)-\(second.rawValue)",
            "reclaim (\(kind.rawValue)), \(first.rawValue) and \(second.rawValue) of the same table", rows: ["S0-13"],
            before: nil, chances: [.tryLockFails], strategy: .exhaustive(preemptions: kind == .sync ? 2 : 1)
        ) { omissions in
            let scene = try matrixScene([.discard, first, second], kind, without: omissions)
            reclaims(scene, kind)
            uses(scene, 1, first, span: 0)
            uses(scene, 2, second, span: 0, page: 6)
            return scene
        }
    }

    /// Every two users of tables, on the same table and on adjacent ones.
    static let userPairs: [Scenario] = TableUser.allCases.enumerated().flatMap { place, first in
        TableUser.allCases[place...].flatMap { second in
            [0, 1].map { span in
                Scenario(
                    "P-\(first.rawValue)-\(second.rawValue)\(span == 0 ? "" : "-adjacent")",
                    "\(first.rawValue) and \(second.rawValue) of \(span == 0 ? "the same table" : "the table beside it")",
                    rows: ["S0-13"], before: nil,
                    strategy: .exhaustive(preemptions: min(first.preemptions, second.preemptions))
                ) { omissions in
                    let scene = try matrixScene([first, second], .sync, without: omissions)
                    uses(scene, 0, first, span: 0)
                    uses(scene, 1, second, span: UInt64(span), page: 6)
                    return scene
                }
            }
        }
    }

    /// From a folio to its mappings while areas are split and joined around it: whoever moves or unmaps the folio must find the
    /// area, before and afterwards, or what stands in the entry's place stays there.
    static let splitPairs: [Scenario] = [TableUser.migrate, .rmapUnmap].flatMap { user in
        [0, 4].map { page in
            Scenario(
                "P-split-\(user.rawValue)-\(page == 0 ? "above" : "below")",
                "\(user.rawValue) of a page, and mprotect that splits its area \(page == 0 ? "below" : "above") it and joins it again",
                rows: ["S0-13"], before: nil
            ) { omissions in
                let scene = try MachineScene.anonymous(cpus: 2, without: omissions, pages: 5)
                let edge = sceneStart + UInt64(page) * Page.size
                scene.cpu(0, "mprotect(\(hexadecimal(edge)), 4K, PROT_READ), and back") { task in
                    try? task.mprotect(edge, Page.size, .read)
                    try? task.mprotect(edge, Page.size, [.read, .write])
                }
                let kept = sceneStart + 2 * Page.size
                scene.cpu(1, "\(user.rawValue) of the folio at \(hexadecimal(kept))") { task in
                    _ = user == .migrate ? task.migrateFolio(at: kept) : task.unmapFolio(at: kept)
                }
                return scene
            }
        }
    }

    /// Two spans of one area with a page each, and what the users need.
    private static func matrixScene(
        _ users: [TableUser], _ kind: ReclaimKind, without omissions: Omissions
    ) throws -> MachineScene {
        try MachineScene.anonymous(cpus: users.count, without: omissions, spans: 2) {
            if users.contains(.collapse) { $0.memory = 32 << 20 }
            $0.reclaim = kind == .rfc ? .rfc : .sync
        } prepare: { task in
            for (number, user) in users.enumerated() where user == .moveIn || user == .moveOut {
                try task.mmap(
                    elsewhere(number), length: sceneSpan, protection: [.read, .write],
                    flags: [.private, .anonymous, .fixed])
                if user == .moveIn { task.touchWrite(elsewhere(number), Page.size) }
            }
            if kind == .async {
                try task.process.machine.set("pt_reclaim.async", "on")
                try task.madvise(sceneStart, sceneSpan, Advice.free.rawValue)
            }
            if users.contains(.pageOut) { try task.madvise(sceneStart, 2 * sceneSpan, Advice.free.rawValue) }
        }
    }

    /// CPU 0 reclaims the table of the first span.
    private static func reclaims(_ scene: MachineScene, _ kind: ReclaimKind) {
        guard kind == .async else { return uses(scene, 0, .discard, span: 0) }
        let machine = scene.machine
        scene.cpu(0, "pt_reclaimd, one pass") { _ in machine.runTableReclaimer(passes: 1) }
    }

    /// What a CPU does to the table of a span: to its first page, which is there, or to one that is not.
    private static func uses(_ scene: MachineScene, _ number: Int, _ user: TableUser, span: UInt64, page: UInt64 = 5) {
        let start = sceneStart + span * sceneSpan
        let hole = start + page * Page.size
        let elsewhere = elsewhere(number)
        let (here, there) = (hexadecimal(start), hexadecimal(elsewhere))
        switch user {
        case .fault: scene.stores(number, at: hole)
        case .mprotect:
            scene.cpu(number, "mprotect(\(here), 8K, PROT_READ)") { try? $0.mprotect(start, 2 * Page.size, .read) }
        case .mremap:
            scene.cpu(number, "mremap(\(here), 4K → \(there))") {
                _ = try? $0.mremap(start, Page.size, Page.size, [.mayMove, .fixed], elsewhere)
            }
        case .mremapTable:
            scene.cpu(number, "mremap(\(here), 2M → \(there))") {
                _ = try? $0.mremap(start, sceneSpan, sceneSpan, [.mayMove, .fixed], elsewhere)
            }
        case .gupFast:
            scene.cpu(number, "pin_user_pages_fast(\(here), 4K)") { _ = try? $0.pinPages(start, Page.size, .write) }
        case .gupSlow:
            scene.cpu(number, "pin_user_pages_unlocked(\(hexadecimal(hole)), 4K)") {
                _ = try? $0.pinPages(hole, Page.size, [.write, .splitLeaves])
            }
        case .collapse:
            scene.cpu(number, "madvise(\(here), 2M, MADV_COLLAPSE)") {
                try? $0.madvise(start, sceneSpan, Advice.collapse.rawValue)
            }
        case .rmapUnmap:
            scene.cpu(number, "unmap the folio at \(here) to swap, and back") { $0.unmapFolio(at: start) }
        case .migrate: scene.cpu(number, "migrate the folio at \(here)") { $0.migrateFolio(at: start) }
        case .moveOut:
            scene.cpu(number, "move(\(there) ← \(here), 4K)") {
                _ = try? $0.movePages(to: elsewhere, from: start, length: Page.size)
            }
        case .moveIn:
            scene.cpu(number, "move(\(hexadecimal(hole)) ← \(there), 4K)") {
                _ = try? $0.movePages(to: hole, from: elsewhere, length: Page.size)
            }
        case .pageOut:
            scene.cpu(number, "madvise(\(here), 8K, MADV_PAGEOUT)") {
                try? $0.madvise(start, 2 * Page.size, Advice.pageOut.rawValue)
            }
        case .munmap: scene.cpu(number, "munmap(\(here), 2M)") { try? $0.munmap(start, sceneSpan) }
        case .fork: scene.cpu(number, "fork") { _ = try? $0.fork(pid: 3 + number) }
        case .discard: scene.discards(number, at: start)
        }
    }
}
