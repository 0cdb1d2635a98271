// The tree of areas against a sorted array: random inserts, removals and moved borders, searches for free ranges by
// brute force, and as many areas as a process may have.

import Testing

@testable import Quire

@Suite struct AreaTreeTests {
    @Test(arguments: [1, 2, 3] as [UInt64]) func randomChangesAgreeWithASortedArray(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var model = try TreeModel()
        // Grows, stays, shrinks: splits and merges of nodes at every depth.
        for step in 0..<900 {
            let bias = step < 400 ? 2 : step < 600 ? 5 : 8
            let pick = random.below(12)
            if model.model.isEmpty || pick >= bias + 2 {
                let start = UInt64(random.below(1 << 16)) * 8 * page
                let free =
                    model.find(start).map { model.model[$0].start > start ? model.model[$0].start : 0 } ?? 1 << 40
                guard free > start else { continue }
                let end = min(start + UInt64(1 + random.below(6)) * page, free)
                model.insert(start, end)
            } else if pick >= 4 {
                model.remove(at: random.below(model.model.count))
            } else {
                moveABorder(&model, &random)
            }
            if step % 30 == 29 { model.expectSame() }
            let near = model.model.isEmpty ? 0 : model.model[random.below(model.model.count)].start
            for address in [near, near &- 1, near + page, UInt64(random.below(1 << 30))] where address < 1 << 41 {
                model.expectSameAround(address)
            }
        }
        model.expectSame()
        model.removeAll()
        model.expectSame()
        model.test.expectNothingLeft()
    }

    private func moveABorder(_ model: inout TreeModel, _ random: inout SeededRandom) {
        let place = random.below(model.model.count)
        let room = model.room(place)
        let area = model.model[place]
        if random.oneIn(2) {
            let lowest = max(room.low, area.start - min(area.start, 16 * page))
            let start = lowest + UInt64(random.below(Int((area.end - lowest) / page))) * page
            model.tree.moveStart(model.test.cpu, area.handle, to: start)
            model.model[place].start = start
        } else {
            let highest = min(room.high, area.end + 16 * page)
            let end = highest - UInt64(random.below(Int((highest - area.start) / page))) * page
            model.tree.moveEnd(model.test.cpu, area.handle, to: end)
            model.model[place].end = end
        }
    }

    /// Where the first area of a leaf goes and one of the leaf before grows over its place, the bound between the two
    /// leaves must not lead to the wrong one.
    @Test func anAreaThatGrowsOverARemovedNeighbourIsStillFound() throws {
        for place in 0..<63 {
            var model = try TreeModel()
            for slot in 1...64 as ClosedRange<UInt64> { model.insert(slot * 16 * page, slot * 16 * page + page) }
            let next = model.model[place + 1]
            model.remove(at: place + 1)
            model.tree.moveEnd(model.test.cpu, model.model[place].handle, to: next.end)
            model.model[place].end = next.end
            model.expectSameAround(next.start - 1)
            model.expectSameAround(next.start)
            model.expectSameAround(next.end - 1)
            model.expectSame()
            model.removeAll()
        }
    }

    @Test(arguments: [4, 5] as [UInt64]) func freeRangesAreThoseOfABruteForceSearch(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var model = try TreeModel()
        var at: UInt64 = 64 * page
        for _ in 0..<120 {
            at += UInt64(random.below(12)) * page
            let end = at + UInt64(1 + random.below(5)) * page
            model.insert(at, end, growsDown: random.oneIn(6))
            at = end
        }
        let guardGap = 4 * page
        for _ in 0..<200 {
            let length = UInt64(1 + random.below(14)) * page
            let low = UInt64(random.below(Int(at / page))) * page
            let high = low + UInt64(random.below(Int(at / page))) * page
            // Below a stack the guard gap is not free either, as far down as the next area (Linux asks only that one).
            func ceiling(_ start: UInt64, guardGap: UInt64) -> UInt64 {
                guard let above = model.find(start) else { return .max }
                let area = model.test.core.areas[model.model[above].handle]
                return area.start - (area.flags.contains(.growsDown) ? min(area.start, guardGap) : 0)
            }
            let places = stride(from: low, through: high, by: Int(page)).filter { start in
                start + length <= min(high, ceiling(start, guardGap: 0))
            }
            // From above: a place that reaches into a guard gap ends the search above that gap.
            var limit = high
            var expected: UInt64?
            while let place = places.last(where: { $0 + length <= limit }), expected == nil {
                limit = ceiling(place, guardGap: guardGap)
                if place + length <= limit { expected = place }
            }
            let highest = model.tree.highestGap(length: length, low: low, high: high, guardGap: guardGap)
            #expect(highest == expected, "\(length / page) pages in \(low / page)..<\(high / page)")
            let lowest = model.tree.lowestGap(length: length, low: low, high: high, guardGap: guardGap)
            let first = places.first { $0 + length <= ceiling($0, guardGap: guardGap) }
            #expect(lowest == first, "\(length / page) pages in \(low / page)..<\(high / page)")
        }
        model.removeAll()
    }

    @Test func asManyAreasAsLinuxAllows() throws {
        let test = try TestMachine()
        let tree = test.space.areas
        let count = 65_530
        var handles: [Handle<Area>] = []
        for place in 0..<count {
            // Every second page, from the middle outwards, so that neither end is favoured.
            let slot = UInt64(place % 2 == 0 ? count + place : count - place - 1) * 2 * page
            let record = Area(
                start: slot, end: slot + page, flags: .read, pageOffset: 0, kind: .anonymous, space: 1)
            let handle = try #require(test.core.areas.allocate(test.cpu, record))
            #expect(tree.insert(test.cpu, handle))
            handles.append(handle)
        }
        tree.checkInvariants()
        #expect(tree.count == count)
        // Nodes at least half full where they were split: no more than 16 areas a leaf would be a bug.
        #expect(test.core.nodes.used < count / 8)
        for handle in handles { tree.remove(test.cpu, handle) }
        for handle in handles { test.core.areas.free(test.cpu, handle) }
        #expect(tree.count == 0 && test.core.nodes.used == 0)
    }
}
