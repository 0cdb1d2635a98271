// The memory manager itself under the explorer.

import Quire
import QuireExplore
import QuireHost
import Testing

@Suite struct MachineSceneTests {
    static let start: UInt64 = 0x1000_0000_0000

    /// A fault and MADV_DONTNEED of the 2 MiB around it; `pages` of them are there at the beginning.
    static func faultAgainstDiscard(pages: UInt64) throws -> Scene {
        let scene = try MachineScene(cpus: 2, host: .linux) { task in
            try task.mmap(
                start, length: 2 << 20, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            task.touchWrite(start, pages * 4096)
        }
        scene.cpu(0) { task in try? task.madvise(start, 2 << 20, Advice.dontNeed.rawValue) }
        scene.cpu(1) { task in _ = task.storeByte(start + 0x5000, 1) }
        return scene.scene { process in
            let status = process.status()
            return "RssAnon \(status.anonymous) VmPTE \(status.pageTables)"
        }
    }

    @Test func faultAgainstDiscardLeavesOnePageOrNone() throws {
        let result = Explorer(.exhaustive(preemptions: 1)).explore(try Self.faultAgainstDiscard(pages: 1))
        #expect(result.isExhausted)
        #expect(Set(result.outcomes.keys) == ["RssAnon 4 VmPTE 12", "RssAnon 0 VmPTE 8"])
        print("fault against discard: \(result.executions) executions, \(result.outcomes.mapValues(\.count))")
    }

    @Test func sameRunAgainIsTheSame() throws {
        let scene = try Self.faultAgainstDiscard(pages: 3)
        let result = Explorer(.random(seed: 3), budget: 50).explore(scene)
        for (outcome, found) in result.outcomes {
            for _ in 0..<10 {
                let again = Explorer().replay(scene, found.schedule)
                #expect(again.outcome == outcome && again.fits && again.trace == found.trace)
            }
        }
    }
}
