// The races of "this page is mine alone": a copy of several pages that takes in one that is, and a count that decides it while
// references come and go.. docs/races-pins.md tells each.

import Quire
import QuireHost

extension MachineScene {
    /// 16 KiB of one folio that a child has too, with knobs set before the first touch.
    static func sharedFolio(
        cpus: Int, without omissions: Omissions, knobs: [(String, String)] = [], keeping kept: UInt64? = nil,
        prepare: (Task, Process) throws -> Void = { _, _ in }
    ) throws -> MachineScene {
        try MachineScene(cpus: cpus, host: .linux, without: omissions) { task in
            for (key, value) in knobs { try task.process.machine.set(key, value) }
            try task.allowFolios(ofKilobytes: 16)
            try task.mapScene(pages: 4)
            task.touchWrite(sceneStart, Page.size)
            // A page that no child gets stays its owner's alone.
            if let kept { try task.madvise(sceneStart + kept * Page.size, Page.size, Advice.dontFork.rawValue) }
            let child = try task.fork(pid: 2)
            if let kept { try task.madvise(sceneStart + kept * Page.size, Page.size, Advice.doFork.rawValue) }
            try prepare(task, child)
        }
    }
}

extension MachineScene {
    /// A CPU on which the child does something.
    func childDoes(_ number: Int, _ title: String, _ body: @escaping (Task) -> Void) {
        cpu(number, "child: \(title)") { task in
            if let child = task.process.machine.process(2) { body(child.makeTask(tid: 200 + number, cpu: number)) }
        }
    }
}

extension Scenario {
    static let exclusivityRaces: [Scenario] = [
        Scenario(
            "R-14", "a write fault copies a range with a page in it that is pinned without a lock", rows: ["S2-06"],
            before: Omissions(safeguards: [.exclusiveStaysOut]), outcome: { $0.pinText() }
        ) { omissions in
            let scene = try MachineScene.sharedFolio(
                cpus: 2, without: omissions, knobs: [("cow.range", "on")], keeping: 1)
            scene.stores(0, at: sceneStart)
            scene.pins(1, 1)
            return scene
        },
        Scenario(
            "R-15", "entries and references are counted while a reference goes", rows: ["S2-10"],
            before: Omissions(safeguards: [.scanUnderLock]), outcome: { $0.pinText() }
        ) { omissions in
            let scene = try MachineScene.sharedFolio(cpus: 2, without: omissions, knobs: [("cow.reuse", "scan")]) {
                _, child in
                try child.main.munmap(sceneStart + Page.size, 3 * Page.size)
            }
            scene.stores(0, at: sceneStart)
            scene.discardsPage(1, 3)
            return scene
        },
        Scenario(
            "R-15-owner", "a folio's owner is asked for while its mappings are counted", rows: ["S2-10"],
            before: Omissions(safeguards: [.ownerUnderLock]), outcome: { $0.pinText() }
        ) { omissions in
            let scene = try MachineScene.sharedFolio(cpus: 2, without: omissions) { _, child in
                try child.main.munmap(sceneStart, 3 * Page.size)
            }
            scene.stores(0, at: sceneStart)
            scene.childDoes(1, "store(page 3)") { child in _ = child.storeByte(sceneStart + 3 * Page.size, 1) }
            return scene
        },
    ]
}
