// The background reclaimer on CPU 0 beside each thing that another CPU may do to the same table: S0-12 and its row of S0-13's
// matrix. The table holds two pages written with 5 and given to MADV_FREE, or nothing. What a run came to is bytes, as the
// program reads them afterwards: what was written after MADV_FREE is there, what was not is as it was or 0.

import Quire
import QuireHost

/// What the table holds at the beginning.
private enum TableState: CaseIterable {
    case lazilyFree, empty

    var title: String { self == .empty ? "an empty table" : "a table of lazily free pages" }
}

extension MachineScene {
    /// A pass of pt_reclaimd on CPU 0.
    fileprivate static func reclaimer(
        _ table: TableState, cpus: Int = 2, without omissions: Omissions,
        configure: (inout MachineConfiguration) -> Void = { _ in }, prepare: (Task) throws -> Void = { _ in }
    ) throws -> MachineScene {
        let scene = try MachineScene(cpus: cpus, host: .linux, without: omissions) {
            $0.contents = .lazy
            configure(&$0)
        } prepare: { task in
            try task.process.machine.set("pt_reclaim.async", "on")
            try task.mmap(
                sceneStart, length: sceneSpan, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            for page in 0..<2 as Range<UInt64> { _ = task.storeByte(sceneStart + page * Page.size, 5) }
            if table == .lazilyFree {
                try task.madvise(sceneStart, sceneSpan, Advice.free.rawValue)
            } else {
                // One by one: a call that covers the whole span takes the table along.
                try task.madvise(sceneStart, Page.size, Advice.dontNeed.rawValue)
                try task.madvise(sceneStart + Page.size, Page.size, Advice.dontNeed.rawValue)
            }
            try prepare(task)
        }
        let machine = scene.machine
        scene.cpu(0, "pt_reclaimd, one pass") { _ in machine.runTableReclaimer(passes: 1) }
        return scene
    }
}

/// The first bytes of pages, as the program reads them.
private func bytes(_ process: Process, _ pages: UInt64...) -> String {
    let seen = pages.map { page in
        var value = "-"
        _ = process.main.load(sceneStart + page * Page.size, 1) { value = String($0) }
        return value
    }
    return seen.joined(separator: " ")
}

private func tables(_ process: Process) -> String {
    let status = process.status()
    return "RssAnon \(status.anonymous), \(status.tables[0]) tables"
}

extension Scenario {
    static let asyncReclaim = asyncRaces + TableState.allCases.flatMap(asyncPairs)

    // MARK: Races that a safeguard is there for

    private static let asyncRaces: [Scenario] = [
        Scenario(
            "A-01", "a fault fills the table between the background reclaimer's two looks", rows: ["S0-12", "S0-13"],
            before: Omissions(safeguards: [.secondLookInBackground]), strategy: .dpor,
            isBad: { $0 != "7, RssAnon 4, 1 tables" }, outcome: { "\(bytes($0, 5)), \(tables($0))" }
        ) { omissions in
            let scene = try MachineScene.reclaimer(.empty, without: omissions)
            scene.cpu(1, "store(page 5, 7)") { task in _ = task.storeByte(sceneStart + 5 * Page.size, 7) }
            return scene
        },
        Scenario(
            "A-02", "a lazily free page is written while it is dropped", rows: ["S0-12"],
            before: Omissions(safeguards: [.dirtyAfterOut]), strategy: .dpor,
            isBad: { $0 != "7 5" && $0 != "7 0" }, outcome: { bytes($0, 0, 1) }
        ) { omissions in
            let scene = try MachineScene.reclaimer(.lazilyFree, without: omissions)
            scene.cpu(1, "store(page 0, 7)") { task in _ = task.storeByte(sceneStart, 7) }
            return scene
        },
        // The records of a pin make many steps that have nothing to do with it: no search of all classes.
        Scenario(
            "A-03", "a lazily free page is pinned without a lock while it is dropped", rows: ["S0-12", "S0-13"],
            before: Omissions(safeguards: [.referencesAfterOut]), strategy: .exhaustive(preemptions: 2),
            isBad: { $0 != "5 5" && $0 != "0 0" }, outcome: { bytes($0, 0, 1) }
        ) { omissions in
            let scene = try MachineScene.reclaimer(.lazilyFree, without: omissions)
            scene.cpu(1, "gup(page 0)") { task in _ = try? task.pinPages(sceneStart, Page.size, .write) }
            return scene
        },
        Scenario(
            "A-04", "a table cut out in the background is freed while a walker reads it", rows: ["S0-12"],
            before: Omissions(safeguards: [.graceForTables]), strategy: .dpor,
            isBad: { $0 != "7" }, outcome: { bytes($0, 5) }
        ) { omissions in
            let scene = try MachineScene.reclaimer(.lazilyFree, without: omissions)
            scene.cpu(1, "store(page 5, 7)") { task in _ = task.storeByte(sceneStart + 5 * Page.size, 7) }
            return scene
        },
        staleTranslation,
    ]

    /// CPU 2 has page 0 in its TLB, and CPU 1 says when its store is over. Nothing orders the two but memory, as in a program.
    private static let staleTranslation = Scenario(
        "A-05", "a CPU reads a dropped page by its TLB though another one has faulted a new one in", rows: ["S0-12"],
        before: Omissions(safeguards: [.flushBeforeRefault]), strategy: .exhaustive(preemptions: 1),
        isBad: { $0 != "7" }, outcome: { bytes($0, 0) }
    ) { omissions in
        let flag = sceneStart + sceneSpan
        let scene = try MachineScene.reclaimer(.lazilyFree, cpus: 3, without: omissions) {
            $0.tlb = true
        } prepare: { task in
            try task.mmap(flag, length: Page.size, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            for cpu in 1...2 {
                let other = task.process.makeTask(tid: 50 + cpu, cpu: cpu)
                _ = other.storeByte(flag, 0)
                _ = other.access(sceneStart, .read)
            }
        }
        scene.cpu(1, "store(page 0, 7), then store(flag, 1)") { task in
            _ = task.storeByte(sceneStart, 7)
            _ = task.storeByte(flag, 1)
        }
        scene.cpu(2, "load(flag), then load(page 0)") { task in
            var isStored: UInt8 = 0
            var value: UInt8 = 0
            _ = task.load(flag, 1) { isStored = $0 }
            _ = task.load(sceneStart, 1) { value = $0 }
            precondition(isStored == 0 || value == 7, "a page that was replaced was read")
        }
        return scene
    }

    // MARK: Everything else on the same table

    /// What CPU 1 may do, and how a run may end: with lazily free pages, and with none.
    private struct Pair: Sendable {
        let number: Int
        let title: String
        let strategy: Strategy
        let ends: [TableState: Set<String>]
        let outcome: @Sendable (Process) -> String
        let act: @Sendable (Task) -> Void

        init(
            _ number: Int, _ title: String, _ strategy: Strategy = .dpor, lazilyFree: Set<String>, empty: Set<String>,
            _ outcome: @escaping @Sendable (Process) -> String, _ act: @escaping @Sendable (Task) -> Void
        ) {
            self.number = number
            self.title = title
            self.strategy = strategy
            ends = [.lazilyFree: lazilyFree, .empty: empty]
            self.outcome = outcome
            self.act = act
        }
    }

    private static func asyncPairs(_ table: TableState) -> [Scenario] {
        pairs.map { pair in
            let ends = pair.ends[table] ?? []
            return Scenario(
                "A-\(pair.number)\(table == .empty ? "e" : "")", "pt_reclaimd on \(table.title) beside \(pair.title)",
                rows: ["S0-12", "S0-13"], before: nil, strategy: pair.strategy, isBad: { !ends.contains($0) },
                outcome: pair.outcome
            ) { omissions in
                let scene = try MachineScene.reclaimer(table, without: omissions)
                scene.cpu(1, pair.title, pair.act)
                return scene
            }
        }
    }

    private static let pairs: [Pair] = [
        Pair(
            10, "a fault", lazilyFree: ["7, RssAnon 4, 1 tables", "7, RssAnon 12, 1 tables"],
            empty: ["7, RssAnon 4, 1 tables"], { "\(bytes($0, 5)), \(tables($0))" },
            { _ = $0.storeByte(sceneStart + 5 * Page.size, 7) }),
        Pair(
            11, "mprotect of one of its pages", lazilyFree: ["5 5", "0 0"], empty: ["0 0"], { bytes($0, 0, 1) },
            { try? $0.mprotect(sceneStart, Page.size, .read) }),
        Pair(
            12, "mremap of one of its pages", lazilyFree: ["5 5", "0 0"], empty: ["0 0"], { bytes($0, 512, 1) },
            { _ = try? $0.mremap(sceneStart, Page.size, Page.size, [.mayMove, .fixed], sceneStart + sceneSpan) }),
        Pair(
            13, "MADV_DONTNEED of all of it", lazilyFree: ["RssAnon 0, 0 tables"], empty: ["RssAnon 0, 0 tables"],
            tables, { try? $0.madvise(sceneStart, sceneSpan, Advice.dontNeed.rawValue) }),
        Pair(
            14, "MADV_DONTNEED of a page", lazilyFree: ["RssAnon 0, 0 tables"], empty: ["RssAnon 0, 0 tables"],
            tables, { try? $0.madvise(sceneStart, Page.size, Advice.dontNeed.rawValue) }),
        Pair(
            15, "munmap", lazilyFree: ["RssAnon 0, 0 tables"], empty: ["RssAnon 0, 0 tables"], tables,
            { try? $0.munmap(sceneStart, sceneSpan) }),
        Pair(
            16, "fork", lazilyFree: ["5 5, 5 5", "0 0, 0 0"], empty: ["0 0, 0 0"],
            { process in
                guard let child = process.machine.process(3) else { return "no child" }
                child.checkInvariants()
                return "\(bytes(process, 0, 1)), \(bytes(child, 0, 1))"
            }, { _ = try? $0.fork(pid: 3) }),
        Pair(
            17, "MADV_FREE again", lazilyFree: ["RssAnon 0, 0 tables", "RssAnon 8, 1 tables"],
            empty: ["RssAnon 0, 0 tables"], tables,
            { try? $0.madvise(sceneStart, sceneSpan, Advice.free.rawValue) }),
        Pair(
            18, "MADV_PAGEOUT, which drops the pages itself",
            lazilyFree: ["RssAnon 0, 0 tables", "RssAnon 0, 1 tables"], empty: ["RssAnon 0, 0 tables"], tables,
            { try? $0.madvise(sceneStart, sceneSpan, Advice.pageOut.rawValue) }),
        Pair(
            19, "MADV_GUARD_INSTALL of a page", lazilyFree: ["-, 1 tables"], empty: ["-, 1 tables"],
            { "\(bytes($0, 9)), \($0.status().tables[0]) tables" },
            { try? $0.madvise(sceneStart + 9 * Page.size, Page.size, Advice.guardInstall.rawValue) }),
        Pair(
            20, "MADV_POPULATE_WRITE of a page", lazilyFree: ["5, RssAnon 8, 1 tables", "0, RssAnon 4, 1 tables"],
            empty: ["0, RssAnon 4, 1 tables"], { "\(bytes($0, 0)), \(tables($0))" },
            { try? $0.madvise(sceneStart, Page.size, Advice.populateWrite.rawValue) }),
        Pair(
            21, "a second pt_reclaimd", lazilyFree: ["RssAnon 0, 0 tables"], empty: ["RssAnon 0, 0 tables"], tables,
            { $0.process.machine.runTableReclaimer(passes: 1, cpu: 1) }),
    ]
}
