// A table that is reclaimed while somebody collapses what it maps or moves entries to or from it.

import Quire
import QuireHost

extension Scenario {
    static let retractAndMove: [Scenario] = [
        Scenario(
            "R-07", "a collapse uses the table of its first look, which was reclaimed since", rows: ["S4-13"],
            before: Omissions(safeguards: [.secondLookOfCollapse]), strategy: .exhaustive(preemptions: 1)
        ) { omissions in
            let scene = try MachineScene.anonymous(cpus: 2, without: omissions) { $0.memory = 32 << 20 }
            scene.cpu(0, "madvise(\(hexadecimal(sceneStart)), 2M, MADV_COLLAPSE)") { task in
                try? task.madvise(sceneStart, sceneSpan, Advice.collapse.rawValue)
            }
            scene.discards(1)
            return scene
        },
        Scenario(
            "R-08", "a page is moved into a table that was reclaimed meanwhile", rows: ["S4-14"],
            before: Omissions(safeguards: [.attachedTarget])
        ) { omissions in
            let scene = try MachineScene.anonymous(cpus: 2, without: omissions, spans: 2)
            let (target, source) = (sceneStart + 0x5000, sceneStart + sceneSpan)
            scene.cpu(0, "move(\(hexadecimal(target)) ← \(hexadecimal(source)), 4K)") { task in
                _ = try? task.movePages(to: target, from: source, length: Page.size)
            }
            scene.discards(1)
            return scene
        },
        Scenario(
            "R-09", "mremap moves entries into a table that was reclaimed meanwhile", rows: ["S1-16"],
            before: Omissions(safeguards: [.mmapLockOfMove])
        ) { omissions in
            // Unaligned, so that entries are moved one by one and not the table.
            let (source, target) = (sceneStart + Page.size, sceneStart + 4 * sceneSpan)
            let scene = try MachineScene(cpus: 2, host: .linux, without: omissions) { task in
                try task.mmap(
                    source, length: sceneSpan, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
                task.touchWrite(source, Page.size)
            }
            scene.cpu(0, "mremap(\(hexadecimal(source)), 2M → \(hexadecimal(target)))") { task in
                _ = try? task.mremap(source, sceneSpan, sceneSpan, [.mayMove, .fixed], target)
            }
            scene.discards(1, at: target)
            return scene
        },
    ]
}
