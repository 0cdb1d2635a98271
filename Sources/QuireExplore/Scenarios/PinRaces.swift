// The races of pins that are taken without a lock (GUP-fast): against fork, and against those who make a page one that may be shared
// or take it out of the tables. R-12, R-13 and the false "may be pinned" of S2-03. docs/races-pins.md tells each.

import Quire
import QuireHost

extension MachineScene {
    /// So many pages, an area of their own, each a folio.
    static func pages(
        _ pages: UInt64, cpus: Int, without omissions: Omissions,
        hasTLB: Bool = false, contents: Contents = .off, prepare: (Task) throws -> Void = { _ in }
    ) throws -> MachineScene {
        try MachineScene(cpus: cpus, host: .linux, without: omissions) {
            $0.contents = contents
            if hasTLB { $0.useTLBOfAScene() }
        } prepare: { task in
            try task.mapScene(pages: pages)
            task.touchWrite(sceneStart, pages * Page.size)
            try prepare(task)
        }
    }

    /// A CPU that forks.
    func forks(_ number: Int) { cpu(number, "fork()") { task in _ = try? task.fork(pid: 2) } }

    /// A CPU that pins a page, the fast way if it can, and keeps it.
    func pins(_ number: Int, _ page: UInt64 = 0, _ flags: FollowFlags = [], thenStores: Bool = false) {
        let title = "pin_user_pages_fast(page \(page)\(flags.contains(.write) ? ", FOLL_WRITE" : ""))"
        cpu(number, thenStores ? title + ", store" : title) { task in
            let address = sceneStart + page * Page.size
            _ = try? task.pinPages(address, Page.size, flags)
            if thenStores { _ = task.storeByte(address, 1) }
        }
    }
}

extension Process {
    /// Checks the other processes too, and says what became of the first page of each and of its pins.
    func pinText() -> String {
        let child = machine.process(2)
        child?.checkInvariants()
        let own = main.mappedPage(at: sceneStart)
        let mine = own.map { $0.isExclusive ? "exclusive" : "maybe shared" } ?? "not mapped"
        guard let child else { return "the page is \(mine)" }
        let theirs = child.main.mappedPage(at: sceneStart)
        let isSame = own != nil && theirs?.frame == own?.frame
        return "the page is \(mine), the child has \(isSame ? "the same" : theirs == nil ? "none" : "a copy")"
    }
}

extension Scenario {
    static let pinRaces: [Scenario] = [
        Scenario(
            "R-12", "a page is pinned without a lock while fork shares it", rows: ["S2-03", "S2-13"],
            before: Omissions(safeguards: [.forkSequenceAgain]), outcome: { $0.pinText() }
        ) { omissions in
            let scene = try MachineScene.pages(1, cpus: 2, without: omissions)
            scene.forks(0)
            scene.pins(1, 0, thenStores: true)
            return scene
        },
        Scenario(
            "S2-03", "a pin that is given back again lets fork copy a page that nobody has pinned", rows: ["S2-03"],
            before: nil
        ) { omissions in
            let scene = try MachineScene.pages(1, cpus: 2, without: omissions)
            scene.forks(0)
            let seen = Seen()
            scene.cpu(1, "pin_user_pages_fast_only(page 0)") { task in
                let isPinned = (try? task.pinPages(sceneStart, Page.size, [], fastOnly: true)) != nil
                seen.texts.append(isPinned ? "pinned" : "not pinned")
            }
            scene.outcome = { process in
                defer { seen.texts = [] }
                return seen.texts.joined() + ": " + process.pinText()
            }
            return scene
        },
        Scenario(
            "R-13-share", "KSM takes a page's exclusivity while it is pinned without a lock", rows: ["S2-04"],
            before: Omissions(safeguards: [.outBeforeSharing]), outcome: { $0.pinText() }
        ) { omissions in
            let scene = try MachineScene.pages(1, cpus: 2, without: omissions)
            scene.cpu(0, "KSM: write_protect_page(page 0)") { task in try? task.sharePage(at: sceneStart) }
            scene.pins(1, 0, thenStores: true)
            return scene
        },
        Scenario(
            "R-13-migrate", "a folio moves to other frames while it is pinned without a lock", rows: ["S2-04"],
            before: Omissions(safeguards: [.outBeforeUnmapping, .countBeforeMigration]), outcome: { $0.pinText() }
        ) { omissions in
            let scene = try MachineScene.pages(1, cpus: 2, without: omissions)
            scene.cpu(0, "migrate_pages(page 0)") { task in task.migrateFolio(at: sceneStart) }
            scene.pins(1, 0, [.write], thenStores: true)
            return scene
        },
        Scenario(
            "R-13-unmap", "reclaim unmaps a page while it is pinned without a lock", rows: ["S2-04"],
            before: Omissions(safeguards: [.outBeforeUnmapping]), outcome: { $0.pinText() }
        ) { omissions in
            let scene = try MachineScene.pages(1, cpus: 2, without: omissions)
            scene.cpu(0, "try_to_unmap(page 0)") { task in task.unmapFolio(at: sceneStart) }
            scene.pins(1, 0, thenStores: true)
            return scene
        },
    ]
}
