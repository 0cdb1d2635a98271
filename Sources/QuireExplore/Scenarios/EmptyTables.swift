// The races of empty-table reclaim: a table that is cut out while somebody else is about to use it.; what the
// TLBs make of it is TranslationRaces.swift, collapsing and moving RetractAndMove.swift. docs/races.md tells each.

import Quire
import QuireHost

/// The 2 MiB that most scenes are about.
let sceneStart: UInt64 = 0x1000_0000_0000
let sceneSpan: UInt64 = 2 << 20

extension MachineScene {
    /// A private anonymous area of `spans` times 2 MiB, with the first `pages` pages of each there.
    static func anonymous(
        cpus: Int, without omissions: Omissions, spans: UInt64 = 1, pages: UInt64 = 1,
        configure: (inout MachineConfiguration) -> Void = { _ in }, prepare: (Task) throws -> Void = { _ in },
        warm: (Task) throws -> Void = { _ in }
    ) throws -> MachineScene {
        try MachineScene(cpus: cpus, host: .linux, without: omissions, configure: configure) { task in
            try task.mmap(
                sceneStart, length: spans * sceneSpan, protection: [.read, .write],
                flags: [.private, .anonymous, .fixed])
            for span in 0..<spans { task.touchWrite(sceneStart + span * sceneSpan, pages * Page.size) }
            try prepare(task)
        } warm: {
            try warm($0)
        }
    }

    /// A CPU that gives 2 MiB back.
    func discards(_ number: Int, at start: UInt64 = sceneStart) {
        cpu(number, "madvise(\(hexadecimal(start)), 2M, MADV_DONTNEED)") { task in
            try? task.madvise(start, sceneSpan, Advice.dontNeed.rawValue)
        }
    }

    /// A CPU that writes a byte.
    func stores(_ number: Int, at address: UInt64) {
        cpu(number, "store(\(hexadecimal(address)), 1)") { task in _ = task.storeByte(address, 1) }
    }
}

extension Scenario {
    static let emptyTables: [Scenario] = [
        Scenario(
            "R-01", "a single table is freed while a walker under RCU reads it", rows: ["S0-03"],
            before: Omissions(safeguards: [.graceForSingleTable]), chances: [.batchFails]
        ) { omissions in
            let scene = try MachineScene.anonymous(cpus: 2, without: omissions)
            scene.discards(0)
            scene.stores(1, at: sceneStart + 0x5000)
            return scene
        },
        Scenario(
            "R-05", "the zap takes the PMD's lock under the PTE table's", rows: ["S4-05"],
            before: Omissions(safeguards: [.tryLockOfPMD]), chances: [.tryLockFails]
        ) { omissions in
            // The one that finds the PMD's lock taken goes the slow way, which takes both in order.
            let scene = try MachineScene.anonymous(cpus: 2, without: omissions)
            scene.discards(0)
            scene.discards(1)
            return scene
        },
        Scenario(
            "R-06", "a fault refills the table between the zap and the second look", rows: ["S4-06"],
            before: Omissions(safeguards: [.secondLookAtEntries]), chances: [.tryLockFails]
        ) { omissions in
            let scene = try MachineScene.anonymous(cpus: 2, without: omissions)
            scene.discards(0)
            scene.stores(1, at: sceneStart + 0x5000)
            return scene
        },
    ]
}
