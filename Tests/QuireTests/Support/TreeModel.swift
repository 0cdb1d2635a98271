// The area tree of a process that maps nothing, filled by hand, and beside it a sorted array that has to say the same.

import Testing

@testable import Quire

/// The tree and the array.
struct TreeModel {
    let test: TestMachine
    let tree: AreaTree
    /// Sorted by start.
    var model: [(start: UInt64, end: UInt64, handle: Handle<Area>)] = []

    init() throws {
        test = try TestMachine()
        tree = test.space.areas
    }

    var cpu: CPU { test.cpu }

    /// Index of the first area that ends above an address, by looking at all.
    func find(_ address: UInt64) -> Int? { model.firstIndex { $0.end > address } }

    /// An area that is in no tree.
    func make(_ start: UInt64, _ end: UInt64, growsDown: Bool = false) -> Handle<Area> {
        let flags: AreaFlags = growsDown ? [.read, .growsDown] : .read
        let record = Area(start: start, end: end, flags: flags, pageOffset: 0, kind: .anonymous, space: 1)
        return test.core.areas.allocate(cpu, record)!
    }

    mutating func insert(_ start: UInt64, _ end: UInt64, growsDown: Bool = false) {
        let handle = make(start, end, growsDown: growsDown)
        #expect(tree.insert(cpu, handle))
        let place = model.firstIndex { $0.start > start } ?? model.count
        model.insert((start, end, handle), at: place)
    }

    mutating func remove(at place: Int) {
        let gone = model.remove(at: place)
        tree.remove(cpu, gone.handle)
        test.core.areas.free(cpu, gone.handle)
    }

    /// Cuts an area in two.
    mutating func split(at place: Int, _ address: UInt64) {
        let end = model[place].end
        let upper = make(address, end)
        #expect(tree.split(cpu, model[place].handle, at: address, upper: upper))
        model[place].end = address
        model.insert((address, end, upper), at: place + 1)
    }

    /// An area grows up to an end; one that reaches beyond it starts there.
    mutating func grow(_ place: Int, upTo end: UInt64) {
        tree.grow(cpu, model[place].handle, upTo: end)
        model[place].end = end
        while place + 1 < model.count, model[place + 1].start < end {
            if model[place + 1].end > end {
                tree.moveStart(cpu, model[place + 1].handle, to: end)
                model[place + 1].start = end
            } else {
                test.core.areas.free(cpu, model.remove(at: place + 1).handle)
            }
        }
    }

    /// An area grows down to a start; one that begins before it ends there.
    mutating func grow(_ place: Int, downTo start: UInt64) {
        tree.grow(cpu, model[place].handle, downTo: start)
        model[place].start = start
        var below = place - 1
        while below >= 0, model[below].end > start {
            if model[below].start < start {
                tree.moveEnd(cpu, model[below].handle, to: start)
                model[below].end = start
            } else {
                test.core.areas.free(cpu, model.remove(at: below).handle)
            }
            below -= 1
        }
    }

    mutating func removeAll() {
        while !model.isEmpty { remove(at: model.count - 1) }
        #expect(tree.count == 0)
    }

    /// The free room below and above an area.
    func room(_ place: Int) -> (low: UInt64, high: UInt64) {
        (place == 0 ? 0 : model[place - 1].end, place + 1 < model.count ? model[place + 1].start : 1 << 40)
    }

    func expectSame() {
        tree.checkInvariants()
        #expect(tree.count == model.count)
        var cursor = tree.first
        for place in model.indices {
            guard !cursor.isNone else {
                Issue.record("the ordered walk ends after \(place) of \(model.count) areas")
                return
            }
            let handle = tree.area(at: cursor)
            #expect(handle == model[place].handle)
            #expect(test.core.areas[handle].start == model[place].start)
            #expect(test.core.areas[handle].end == model[place].end)
            cursor = tree.next(cursor)
        }
        #expect(cursor.isNone)
    }

    func expectSameAround(_ address: UInt64) {
        let place = find(address)
        #expect(tree.find(address) == (place.map { model[$0].handle } ?? .none), "find(\(address))")
        let below = model.lastIndex { $0.end <= address }
        #expect(tree.before(address) == (below.map { model[$0].handle } ?? .none), "before(\(address))")
        if let place {
            let above = place + 1 < model.count ? model[place + 1].handle : .none
            #expect(tree.after(model[place].handle) == above)
            #expect(tree.before(model[place].handle) == (place > 0 ? model[place - 1].handle : .none))
        }
    }
}
