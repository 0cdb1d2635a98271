// Mutations of faults: what was seen without the lock is not looked at again under it.

import Quire
import QuireHost

extension MachineScene {
    /// Pages that a child has too; the parent's entries allow no writing.
    static func sharedPages(_ pages: UInt64, cpus: Int = 2, without omissions: Omissions) throws -> MachineScene {
        try MachineScene.pages(pages, cpus: cpus, without: omissions) { task in _ = try task.fork(pid: 2) }
    }

    /// A CPU on which the child gives the first page back and then the parent's thread does something.
    func childDiscards(_ number: Int, _ title: String, then body: @escaping (Task) -> Void) {
        cpu(number, "child: madvise(page 0, MADV_DONTNEED); \(title)") { task in
            let child = task.process.machine.process(2)?.makeTask(tid: 201, cpu: number)
            try? child?.madvise(sceneStart, Page.size, Advice.dontNeed.rawValue)
            body(task)
        }
    }
}

extension Mutation {
    static let ofFaults: [Mutation] = [
        Mutation(.noneAfterLock, title: "two faults map two pages at one address") {
            let scene = try MachineScene.anonymous(cpus: 2, without: $0)
            scene.stores(0, at: sceneStart + Page.size)
            scene.stores(1, at: sceneStart + Page.size)
            return scene
        },
        Mutation(.allNoneAfterLock, title: "two faults map two large folios at one place") {
            let scene = try MachineScene(cpus: 2, host: .linux, without: $0) { task in
                try task.mapScene(pages: 512)
                // So that the table is there.
                task.touchWrite(sceneStart + 256 * Page.size, Page.size)
                try task.allowFolios(ofKilobytes: 16)
            }
            scene.stores(0, at: sceneStart)
            scene.stores(1, at: sceneStart + Page.size)
            return scene
        },
        Mutation(
            .lookInCacheUnderLock, title: "two faults make two pages of one page of a file",
            outcome: { process in
                let frames = [sceneStart, sceneAway].map { process.main.mappedPage(at: $0)?.frame }
                return frames[0] == frames[1] ? "both map one page" : "they map two pages: a store is lost"
            }
        ) {
            let scene = try MachineScene(cpus: 2, host: .linux, without: $0) { task in
                let file = try task.memfdCreate("file")
                try task.ftruncate(file, Page.size)
                for address in [sceneStart, sceneAway] {
                    try task.mmap(
                        address, length: Page.size, protection: [.read, .write], flags: [.shared, .fixed], fd: file)
                }
            }
            scene.stores(0, at: sceneStart)
            scene.stores(1, at: sceneAway)
            return scene
        },
        Mutation(.downgradeOfStack, title: "an area is unmapped between growing it and serving the fault in it") {
            let scene = try MachineScene(cpus: 2, host: .linux, without: $0) { task in
                try task.mmap(
                    sceneStart, length: Page.size, protection: [.read, .write],
                    flags: [.private, .anonymous, .fixed, .growsDown])
                task.touchWrite(sceneStart, Page.size)
            }
            scene.stores(0, at: sceneStart - Page.size)
            scene.cpu(1, "munmap") { task in try? task.munmap(sceneStart - Page.size, 2 * Page.size) }
            return scene
        },
        Mutation(.sameBeforeReuse, title: "a page is reused whose entry is gone") {
            // The page is the parent's alone, and not yet known to be.
            let scene = try MachineScene.pages(2, cpus: 2, without: $0) { task in
                try task.madvise(sceneStart + Page.size, Page.size, Advice.dontNeed.rawValue)
                try task.fork(pid: 2).main.exit()
            }
            scene.stores(0, at: sceneStart)
            scene.cpu(1, "madvise(page 0, MADV_DONTNEED), store(page 1)") { task in
                try? task.madvise(sceneStart, Page.size, Advice.dontNeed.rawValue)
                // Takes the frame that has just become free.
                _ = task.storeByte(sceneStart + Page.size, 1)
            }
            return scene
        },
        Mutation(.sameAfterCopy, title: "a copy takes the place of a page that is gone") {
            let scene = try MachineScene.sharedPages(1, without: $0)
            scene.stores(0, at: sceneStart)
            scene.discardsPage(1, 0)
            return scene
        },
        Mutation(.heldWhileCopied, title: "a page is freed while it is copied") {
            let scene = try MachineScene.sharedPages(1, without: $0)
            scene.stores(0, at: sceneStart)
            scene.childDiscards(1, "madvise(page 0, MADV_DONTNEED)") { task in
                try? task.madvise(sceneStart, Page.size, Advice.dontNeed.rawValue)
            }
            return scene
        },
        Mutation(
            .heldWhileCopied, .exclusiveAfterCopy,
            title: "a page is replaced that has been pinned while it was copied"
        ) {
            let scene = try MachineScene.sharedPages(1, without: $0)
            scene.stores(0, at: sceneStart)
            scene.childDiscards(1, "pin_user_pages_fast(page 0)") { task in
                _ = try? task.pinPages(sceneStart, Page.size, [])
            }
            return scene
        },
        Mutation(
            .exclusiveStaysOut, title: "a range is copied with a page in it that is this mapping's alone",
            scenario: scenario("R-14")),
        Mutation(.rangeAfterLock, title: "a range that was copied is replaced whatever it has become") {
            let scene = try MachineScene.sharedFolio(cpus: 2, without: $0, knobs: [("cow.range", "on")])
            scene.stores(0, at: sceneStart)
            scene.pins(1, 1)
            return scene
        },
        Mutation(
            .scanUnderLock, title: "entries and references are counted without the lock", scenario: scenario("R-15")),
        Mutation(
            .ownerUnderLock, title: "a folio's owner is read while its mappings are counted",
            scenario: scenario("R-15-owner")),
    ]
}
