// What changes of the area tree do beyond insertion and removal: areas are cut, grow over their neighbours, and a node
// that cannot be had leaves all as it was.

import Testing

@testable import Quire

@Suite struct AreaTreeChangeTests {
    @Test(arguments: [11, 12, 13, 14] as [UInt64]) func cutsAndGrowthAgreeWithASortedArray(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var model = try TreeModel()
        model.insert(64 * page, 4096 * page)
        for step in 0..<1200 {
            // Cuts first, so that there is a tree; then as much growth as cuts; then growth until little is left.
            let cuts = step < 500 ? 9 : step < 900 ? 5 : 2
            let place = random.below(model.model.count)
            let area = model.model[place]
            if random.below(10) < cuts {
                let pages = Int((area.end - area.start) / page)
                if pages > 1 { model.split(at: place, area.start + UInt64(1 + random.below(pages - 1)) * page) }
            } else if random.oneIn(2) {
                let highest = model.model[min(place + random.below(4), model.model.count - 1)].end
                let pages = Int((highest - area.end) / page)
                model.grow(place, upTo: area.end + UInt64(pages == 0 ? 0 : random.below(pages + 1)) * page)
            } else {
                let lowest = model.model[max(place - random.below(4), 0)].start
                let pages = Int((area.start - lowest) / page)
                model.grow(place, downTo: area.start - UInt64(pages == 0 ? 0 : random.below(pages + 1)) * page)
            }
            if random.oneIn(6), model.model.count > 2 { model.remove(at: random.below(model.model.count)) }
            if step % 20 == 19 { model.expectSame() }
            model.expectSameAround(UInt64(random.below(4200)) * page)
        }
        model.expectSame()
        model.removeAll()
        model.test.expectNothingLeft()
    }

    /// Three of one and one of three, across every border between leaves: nothing but the leaf has to change.
    @Test func anAreaInThreePartsIsOneAgainAtEveryPlace() throws {
        for place in 0..<70 {
            var model = try TreeModel()
            for slot in 1...70 as ClosedRange<UInt64> { model.insert(slot * 16 * page, (slot * 16 + 3) * page) }
            let area = model.model[place]
            model.split(at: place, area.start + page)
            model.split(at: place + 1, area.start + 2 * page)
            model.expectSame()
            if place % 2 == 0 {
                model.grow(place, upTo: area.end)
            } else {
                model.grow(place + 2, downTo: area.start)
            }
            model.expectSame()
            #expect(model.model.count == 70)
            model.removeAll()
        }
    }

    @Test func aNodeThatCannotBeHadChangesNothing() throws {
        var random = SeededRandom(seed: 21)
        var model = try TreeModel()
        for slot in 1...40 as ClosedRange<UInt64> { model.insert(slot * 256 * page, (slot * 256 + 100) * page) }
        let nodes = model.test.core.nodes
        var failures = 0
        for step in 0..<1500 {
            let place = random.below(model.model.count)
            let area = model.model[place]
            // The first node or, where a split goes on to the level above, the second.
            nodes.fail(after: step & 1)
            if step % 3 == 0 {
                let start = UInt64(256 * 41 + 2 * step) * page
                let made = model.make(start, start + page)
                if model.tree.insert(model.cpu, made) {
                    model.model.append((start, start + page, made))
                } else {
                    failures += 1
                    model.test.core.areas.free(model.cpu, made)
                    model.expectSame()
                }
            } else if area.end - area.start > page {
                let middle = Page.floor((area.start + area.end) / 2)
                let upper = model.make(middle, area.end)
                if model.tree.split(model.cpu, area.handle, at: middle, upper: upper) {
                    model.model[place].end = middle
                    model.model.insert((middle, area.end, upper), at: place + 1)
                } else {
                    failures += 1
                    model.test.core.areas.free(model.cpu, upper)
                    model.expectSame()
                }
            }
            nodes.fail(after: -1)
        }
        #expect(failures > 10)
        model.expectSame()
        model.removeAll()
    }
}
