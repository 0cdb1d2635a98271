// Mutations of pins, and of who goes from a folio to its mappings.

import Quire
import QuireHost

extension Mutation {
    static let ofPins: [Mutation] = [
        Mutation(
            .forkSequenceAgain, title: "a pin does not ask whether a fork ran meanwhile", scenario: scenario("R-12")),
        Mutation(.noForkAtStart, title: "a pin begins while a fork is at work", scenario: scenario("R-12")),
        Mutation(.pinnedFlagFirst, title: "fork learns too late that there are pins", scenario: scenario("R-12")),
        // A flush waits for whoever pins without a lock, as an interrupt does. On processors whose flush asks nobody:
        Mutation(
            .entryAfterGrab, title: "a pin does not read the entry again", without: [.waitForAccesses]
        ) {
            let scene = try MachineScene.pages(1, cpus: 2, without: $0)
            scene.cpu(0, "KSM: write_protect_page(page 0)") { task in try? task.sharePage(at: sceneStart) }
            scene.pins(1, 0, [.write])
            return scene
        },
        Mutation(
            .grabNotFromZero, title: "a reference is taken to a page that has none", without: [.waitForAccesses]
        ) {
            let scene = try MachineScene.pages(1, cpus: 2, without: $0)
            scene.discardsPage(0, 0)
            scene.pins(1, 0, [.write])
            return scene
        },
        Mutation(
            .outBeforeSharing, title: "KSM looks for pins before the entry is out", scenario: scenario("R-13-share")),
        Mutation(.pinsBeforeSharing, title: "KSM does not look for pins", scenario: scenario("R-13-share")),
        Mutation(.flushBeforeSharing, title: "KSM leaves translations that allow writing") {
            let scene = try MachineScene.pages(1, cpus: 2, without: $0, hasTLB: true)
            scene.cpu(0, "KSM: write_protect_page(page 0)") { task in try? task.sharePage(at: sceneStart) }
            scene.stores(1, at: sceneStart)
            return scene
        },
        Mutation(
            .outBeforeUnmapping, title: "unmapping looks for pins before the entry is out",
            scenario: scenario("R-13-unmap")),
        Mutation(
            .outBeforeUnmapping, .countBeforeMigration,
            title: "migration looks for pins before the entry is out, and never counts references",
            scenario: scenario("R-13-migrate")),
        Mutation(.pinsBeforeUnmapping, title: "unmapping does not look for pins", scenario: scenario("R-13-unmap")),
        Mutation(.flushBeforeUnmapping, title: "a page moves while somebody still writes to it") {
            let scene = try MachineScene.pages(1, cpus: 2, without: $0)
            scene.cpu(0, "migrate_pages(page 0)") { task in task.migrateFolio(at: sceneStart) }
            scene.stores(1, at: sceneStart)
            return scene
        },
        Mutation(.countBeforeMoving, title: "UFFDIO_MOVE takes a page along that has just been pinned") {
            let scene = try movable($0)
            scene.cpu(0, "UFFDIO_MOVE(page 0)") { task in
                _ = try? task.movePages(to: sceneAway, from: sceneStart, length: Page.size)
            }
            scene.pins(1)
            return scene
        },
        Mutation(.countBeforeMigration, title: "migration frees a page to which somebody has a reference") {
            let scene = try MachineScene.pages(1, cpus: 2, without: $0)
            scene.cpu(0, "migrate_pages(page 0)") { task in task.migrateFolio(at: sceneStart) }
            scene.cpu(1, "get_user_pages_fast(page 0), put") { task in
                if let held = try? task.pinPages(sceneStart, Page.size, .get) { try? task.unpin(held.handle) }
            }
            return scene
        },
        Mutation(.countBeforeSplit, title: "a folio is split that has just been pinned") {
            let scene = try MachineScene(cpus: 2, host: .linux, without: $0) { task in
                try task.allowFolios(ofKilobytes: 16)
                try task.mapScene(pages: 4)
                task.touchWrite(sceneStart, Page.size)
            }
            scene.cpu(0, "split_folio(page 0)") { task in task.splitFolio(at: sceneStart) }
            scene.cpu(1, "pin_user_pages_fast(page 1), unpin") { task in
                let page = sceneStart + Page.size
                if let pin = try? task.pinPages(page, Page.size, []) { try? task.unpin(pin.handle) }
            }
            return scene
        },
    ]

    static let ofMappings: [Mutation] = [
        Mutation(.anonVMAAfterLock, title: "the lock of an anon_vma is taken that its folio has left") {
            let scene = try MachineScene.pages(1, cpus: 2, without: $0)
            scene.cpu(0, "migrate_pages(page 0)") { task in task.migrateFolio(at: sceneStart) }
            scene.cpu(1, "munmap") { task in try? task.munmap(sceneStart, Page.size) }
            return scene
        },
        Mutation(.entryNamesFolio, title: "an entry is taken out that maps another page by now") {
            let scene = try MachineScene.sharedPages(1, without: $0)
            scene.cpu(0, "migrate_pages(page 0)") { task in task.migrateFolio(at: sceneStart) }
            scene.cpu(1, "madvise(page 0, MADV_DONTNEED), store") { task in
                try? task.madvise(sceneStart, Page.size, Advice.dontNeed.rawValue)
                _ = task.storeByte(sceneStart, 1)
            }
            return scene
        },
        Mutation(
            .frozenNamesFolio, title: "an entry thaws that somebody else has frozen",
            outcome: { process in
                var byte: UInt8 = 0
                _ = process.main.load(sceneStart, 1) { byte = $0 }
                return byte == 1 ? "what was stored" : "what was given back: the store is lost"
            }
        ) {
            let scene = try MachineScene.pages(1, cpus: 2, without: $0, contents: .lazy)
            scene.cpu(0, "migrate_pages(page 0)") { task in task.migrateFolio(at: sceneStart) }
            scene.cpu(1, "madvise(page 0, MADV_DONTNEED), store, migrate_pages(page 0)") { task in
                try? task.madvise(sceneStart, Page.size, Advice.dontNeed.rawValue)
                _ = task.storeByte(sceneStart, 1)
                task.migrateFolio(at: sceneStart)
            }
            return scene
        },
    ]

    /// Where pages move to.
    static let sceneAway: UInt64 = 0x1001_0000_0000

    /// A page, and an area to which it may move.
    static func movable(_ omissions: Omissions) throws -> MachineScene {
        try MachineScene.pages(1, cpus: 2, without: omissions) { task in
            try task.mmap(
                sceneAway, length: Page.size, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
        }
    }
}
