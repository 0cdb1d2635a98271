// The races of contiguous blocks on arm64: hardware and lock-free readers that come to a block while it is converted. R-10, R-11,
// and the reader of S1-08. docs/races-pins.md has a paragraph for each.

import Quire
import QuireHost

extension MachineScene {
    /// arm64: 64 KiB of one folio at the start of an area, mapped by a folded block.
    static func folded(
        cpus: Int, without omissions: Omissions, hasTLB: Bool = false, prepare: (Task) throws -> Void = { _ in }
    ) throws -> MachineScene {
        try MachineScene(cpus: cpus, host: .linux, without: omissions) {
            $0.architecture = .arm64
            if hasTLB { $0.useTLBOfAScene() }
        } prepare: { task in
            try task.allowFolios(ofKilobytes: 64)
            try task.mapScene(pages: 512)
            task.touchWrite(sceneStart, Page.size)
            try prepare(task)
        }
    }

    /// A CPU that gives one page back.
    func discardsPage(_ number: Int, _ page: UInt64) {
        cpu(number, "madvise(page \(page), 4K, MADV_DONTNEED)") { task in
            try? task.madvise(sceneStart + page * Page.size, Page.size, Advice.dontNeed.rawValue)
        }
    }
}

extension MachineConfiguration {
    /// TLBs of as many entries as a scene of some pages needs, and no more to copy back.
    mutating func useTLBOfAScene() {
        tlb = true
        tlbGeometry = TLBGeometry("l1:8x8")
    }
}

extension Task {
    /// Lets faults take folios of a size, and of no other, beside single pages.
    func allowFolios(ofKilobytes size: Int) throws {
        try process.machine.set("/sys/kernel/mm/transparent_hugepage/hugepages-\(size)kB/enabled", "always")
    }

    /// Private anonymous memory at the scene's start.
    func mapScene(pages: UInt64) throws {
        try mmap(
            sceneStart, length: pages * Page.size, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
    }
}

extension Scenario {
    static let contiguousRaces: [Scenario] = [
        Scenario(
            "R-10", "hardware walks a contiguous block that is half converted", rows: ["S1-17"],
            before: Omissions(safeguards: [.breakBeforeMake])
        ) { omissions in
            let scene = try MachineScene.folded(cpus: 2, without: omissions, hasTLB: true)
            scene.discardsPage(0, 15)
            scene.cpu(1, "load(page 0), load(page 3)") { task in
                _ = task.access(sceneStart, .read)
                _ = task.access(sceneStart + 3 * Page.size, .read)
            }
            return scene
        },
        Scenario(
            "R-11", "hardware sets dirty while a contiguous block is converted", rows: ["S1-03", "S1-17"],
            before: Omissions(safeguards: [.ageOfBlock]), isBad: { $0.contains("lost") },
            outcome: { process in process.dirtyText(sceneStart + 9 * Page.size) }
        ) { omissions in
            let scene = try MachineScene.folded(cpus: 2, without: omissions) { task in
                // Clean, as the program wants it that may do without the page.
                try task.madvise(sceneStart, 16 * Page.size, Advice.free.rawValue)
            }
            scene.discardsPage(0, 15)
            scene.cpu(1, "store(page 9)") { task in _ = task.storeByte(sceneStart + 9 * Page.size, 1) }
            return scene
        },
        Scenario(
            "S1-08", "whoever reads an entry without the lock gets one state of its block", rows: ["S1-08"],
            before: Omissions(safeguards: [.wholeBlock]), isBad: { $0.contains("never") }
        ) { omissions in
            var old: UInt32 = 0
            let scene = try MachineScene.folded(cpus: 2, without: omissions) { task in
                try task.madvise(sceneStart, 16 * Page.size, Advice.free.rawValue)
                // The folio's frames stay its own, so that the one that comes after it has others.
                _ = try task.pinPages(sceneStart, 16 * Page.size, .get)
                old = task.mappedPage(at: sceneStart + 3 * Page.size)?.frame ?? 0
            }
            scene.cpu(0, "madvise(64K, MADV_DONTNEED), store(page 0)") { task in
                try? task.madvise(sceneStart, 16 * Page.size, Advice.dontNeed.rawValue)
                _ = task.storeByte(sceneStart, 1)
            }
            let seen = Seen()
            scene.cpu(1, "ptep_get_lockless(page 3)") { task in
                seen.page = task.mappedPage(at: sceneStart + 3 * Page.size)
            }
            scene.outcome = { _ in
                defer { seen.page = nil }
                guard let page = seen.page else { return "none" }
                let isOld = page.frame == old
                // The old folio was clean, the new one is dirty from the start.
                let text = "the \(isOld ? "old" : "new") folio's entry, \(page.isDirty ? "dirty" : "clean")"
                return isOld == page.isDirty ? text + ": never was there" : text
            }
            return scene
        },
    ]
}

/// What a reader has seen in a run.
final class Seen {
    var page: MappedPage?
    var texts: [String] = []
}

extension Process {
    /// Whether it is known of a page that it was written.
    func dirtyText(_ address: UInt64) -> String {
        guard let page = main.mappedPage(at: address) else { return "not mapped" }
        return page.isDirty ? "dirty" : page.isFolioDirty ? "the folio is dirty" : "clean: the dirty bit is lost"
    }
}
