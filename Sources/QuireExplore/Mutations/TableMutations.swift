// Mutations of empty-table reclaim, of grace periods and of the order of clearing, flushing and freeing.

import Quire
import QuireHost

extension MachineScene {
    /// CPU 0 gives 2 MiB back in which the first pages are there; CPU 1 stores to one of its pages.
    static func discardAgainstStore(
        _ omissions: Omissions, pages: UInt64 = 1, storesTo page: UInt64
    ) throws -> MachineScene {
        let scene = try MachineScene.anonymous(cpus: 2, without: omissions, pages: pages)
        scene.discards(0)
        scene.stores(1, at: sceneStart + page * Page.size)
        return scene
    }
}

extension Mutation {
    static let ofTables: [Mutation] = [
        Mutation(
            .graceForSingleTable, title: "a single table is freed at once", scenario: scenario("R-01")),
        Mutation(.graceForTables, title: "a batch of tables is freed at once") {
            try .discardAgainstStore($0, storesTo: 5)
        },
        Mutation(.wholeGracePeriod, title: "a grace period ends an epoch too early") {
            try .discardAgainstStore($0, storesTo: 5)
        },
        Mutation(.tryLockOfPMD, title: "the zap waits for the PMD's lock", scenario: scenario("R-05")),
        Mutation(
            .countUnderLock, title: "the zap cuts a table out that was filled while its lock was given up",
            chances: [.reschedules]
        ) {
            let scene = try MachineScene.anonymous(cpus: 2, without: $0, pages: 2)
            scene.discards(0)
            scene.stores(1, at: sceneStart)
            return scene
        },
        Mutation(
            .secondLookAtEntries, title: "the slow way does not look at the entries again",
            scenario: scenario("R-06")),
        Mutation(
            .secondLookAtPMD, title: "the slow way cuts out whatever hangs there by now", chances: [.tryLockFails]
        ) {
            let scene = try MachineScene.anonymous(cpus: 2, without: $0)
            scene.discards(0)
            scene.cpu(1, "madvise(2M, MADV_DONTNEED), store") { task in
                try? task.madvise(sceneStart, sceneSpan, Advice.dontNeed.rawValue)
                _ = task.storeByte(sceneStart, 1)
            }
            return scene
        },
        Mutation(.attachedAfterLock, title: "a fault goes on in a table that was cut out") {
            try .discardAgainstStore($0, storesTo: 5)
        },
        Mutation(.lookBeforeHangingIn, title: "a new table takes another new one's place") {
            let scene = try MachineScene.anonymous(cpus: 2, without: $0, pages: 0)
            scene.stores(0, at: sceneStart)
            scene.stores(1, at: sceneStart + Page.size)
            return scene
        },
    ]

    static let ofTranslations: [Mutation] = [
        Mutation(.flushBeforeFree, title: "pages are given back before the flush") {
            try .discardAgainstStore($0, storesTo: 0)
        },
        Mutation(.waitForAccesses, title: "a flush does not wait for who is in the middle of an access") {
            try .discardAgainstStore($0, storesTo: 0)
        },
        Mutation(.flushAfterFork, title: "the parent goes on writing through old translations") {
            let scene = try MachineScene.pages(1, cpus: 2, without: $0, hasTLB: true)
            scene.forks(0)
            scene.stores(1, at: sceneStart)
            return scene
        },
        Mutation(.flushBeforeReplacing, title: "a copy takes a page's place whose translations are still there") {
            let scene = try MachineScene.pages(1, cpus: 2, without: $0, hasTLB: true) { task in
                _ = try task.fork(pid: 2)
            }
            scene.stores(0, at: sceneStart)
            scene.cpu(1, "load") { task in _ = task.access(sceneStart, .read) }
            return scene
        },
        Mutation(
            .exchangeOfEntries, title: "an entry is read and then cleared: the dirty bit set in between is lost",
            outcome: { $0.dirtyText(sceneStart) }
        ) {
            let scene = try cleanPage($0)
            scene.cpu(0, "try_to_unmap(page 0)") { task in task.unmapFolio(at: sceneStart) }
            scene.stores(1, at: sceneStart)
            return scene
        },
        Mutation(
            .compareOfEntries, title: "an entry is read and then written: the dirty bit set in between is lost",
            outcome: { $0.dirtyText(sceneStart) }
        ) {
            let scene = try cleanPage($0)
            scene.forks(0)
            scene.stores(1, at: sceneStart)
            return scene
        },
    ]

    static let ofBlocks: [Mutation] = [
        Mutation(.breakBeforeMake, title: "a contiguous block is converted in place", scenario: scenario("R-10")),
        Mutation(
            .ageOfBlock, title: "a conversion reads accessed and dirty before it clears", scenario: scenario("R-11")),
        Mutation(.wholeBlock, title: "a lock-free reader mixes two states of a block", scenario: scenario("S1-08")),
    ]

    /// A page that may be written and has not been since its entry was cleaned.
    static func cleanPage(_ omissions: Omissions) throws -> MachineScene {
        try MachineScene.pages(1, cpus: 2, without: omissions) { task in
            try task.madvise(sceneStart, Page.size, Advice.free.rawValue)
        }
    }
}
