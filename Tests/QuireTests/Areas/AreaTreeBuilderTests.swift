// The tree that fork builds: as good as one that was filled by insertion, and with exactly the nodes that were reserved.

import Testing

@testable import Quire

@Suite struct AreaTreeBuilderTests {
    private func record(_ start: UInt64) -> Area {
        Area(start: start, end: start + page, flags: [], pageOffset: 0, kind: .anonymous, space: 1)
    }

    /// Areas of a page, with gaps between some of them.
    private func make(_ test: TestMachine, _ count: Int, seed: UInt64) -> [Handle<Area>] {
        var random = SeededRandom(seed: seed)
        var at: UInt64 = 0x10_0000
        return (0..<count).map { _ in
            at += page * (1 + (random.oneIn(3) ? UInt64(random.below(50)) : 0))
            return test.core.areas.allocate(test.cpu, record(at))!
        }
    }

    @Test func itIsATreeOfEverySize() throws {
        let test = try TestMachine()
        for count in [0, 1, 2, 27, 28, 29, 56, 57, 783, 784, 785, 812, 813, 5000, 22_000] {
            let handles = make(test, count, seed: UInt64(count))
            let (tree, other) = (try head(test), try head(test))
            let nodes = AreaTreeBuilder.nodes(for: count)
            let before = test.core.nodes.used
            var builder = AreaTreeBuilder(tree, try #require(test.core.nodes.reserve(test.cpu, nodes)))
            #expect(test.core.nodes.used == before + nodes)
            for handle in handles { builder.append(handle) }
            builder.finish(test.cpu)
            #expect(test.core.nodes.used == before + nodes, "\(count) areas take what was reserved")
            tree.checkInvariants()
            #expect(tree.count == count)
            // A gap is found where the other tree finds it.
            let copies = handles.map { test.core.areas.allocate(test.cpu, record(test.core.areas[$0].start))! }
            for copy in copies { #expect(other.insert(test.cpu, copy)) }
            for pages in [1, 2, 7, 40, 49] as [UInt64] {
                let (low, high) = (UInt64(0x10_0000), UInt64(1) << 40)
                let found = tree.highestGap(length: pages * page, low: low, high: high, guardGap: 0)
                #expect(found == other.highestGap(length: pages * page, low: low, high: high, guardGap: 0))
            }
            for handle in handles.shuffled() {
                tree.remove(test.cpu, handle)
                test.core.areas.free(test.cpu, handle)
                if count < 60 { tree.checkInvariants() }
            }
            for copy in copies {
                other.remove(test.cpu, copy)
                test.core.areas.free(test.cpu, copy)
            }
            for one in [tree, other] { test.core.trees.free(test.cpu, one.head) }
            #expect(test.core.nodes.used == before)
        }
        test.expectNothingLeft()
    }

    private func head(_ test: TestMachine) throws -> AreaTree {
        let head = try #require(test.core.trees.allocate(test.cpu, AreaTreeHead()))
        return AreaTree(nodes: test.core.nodes, areas: test.core.areas, heads: test.core.trees, head: head)
    }

    /// What was reserved in vain goes back, and the tree takes changes at once.
    @Test func aSmallerTreeGivesNodesBack() throws {
        let test = try TestMachine()
        let handles = make(test, 100, seed: 1)
        let tree = try head(test)
        let before = test.core.nodes.used
        var builder = AreaTreeBuilder(tree, try #require(test.core.nodes.reserve(test.cpu, 50)))
        for handle in handles { builder.append(handle) }
        builder.finish(test.cpu)
        #expect(test.core.nodes.used == before + AreaTreeBuilder.nodes(for: 100))
        for (place, handle) in handles.enumerated() where place % 2 == 0 {
            tree.remove(test.cpu, handle)
            tree.checkInvariants()
            #expect(tree.insert(test.cpu, handle))
            tree.checkInvariants()
        }
        for handle in handles {
            tree.remove(test.cpu, handle)
            test.core.areas.free(test.cpu, handle)
        }
        test.core.trees.free(test.cpu, tree.head)
        test.expectNothingLeft()
    }
}
