// Changing attributes over a range: every way to merge and to split, by every entry, against a list that only knows the
// rule (Support/BorderOracle.swift). The pictures are Linux's eight ways to merge by name.

import Testing

@testable import Quire

/// An entry of Modify.swift as the caller of a test uses it.
enum Modification: String, CaseIterable, Sendable, CustomStringConvertible {
    case flags, name, policy, userfault

    var description: String { rawValue }

    /// Gives a range of one area the attribute (or takes it away), by the operation itself; as every caller does, only
    /// where that changes something.
    func change(_ test: TestMachine, _ space: AddressSpace, _ start: UInt64, _ end: UInt64, _ isOn: Bool = true) throws
    {
        let area = space.areas.find(start)
        let (cpu, flags) = (test.cpu, test.core.areas[area].flags)
        if (letter(test)(test.core.areas[area]) == "+") == isOn { return }
        switch self {
        case .flags:
            let new = isOn ? flags.union(.dontCopy) : flags.subtracting(.dontCopy)
            _ = try space.modifyFlags(cpu, area, start, end, to: new)
        case .name:
            let name = test.machine.intern(isOn ? "heap of the test" : "")
            _ = try space.modifyFlagsAndName(cpu, area, start, end, to: flags, name: name)
        case .policy:
            _ = try space.modifyPolicy(cpu, area, start, end, to: isOn ? MemoryPolicy(mode: 2, nodes: 1) : .none)
        case .userfault:
            let new = isOn ? flags.union(.userfaultMissing) : flags.subtracting(.userfault)
            let context: Handle<UserfaultContext> = isOn ? test.core.userfaults.handle(at: 1) : .none
            _ = try space.modifyFlagsAndUserfault(cpu, area, start, end, to: new, context: context)
        }
    }

    /// The same to a page's label.
    func change(_ label: inout PageLabel, _ test: TestMachine) {
        switch self {
        case .flags: label.flags.insert(.dontCopy)
        case .name: label.extras[0] = UInt64(test.machine.intern("heap of the test"))
        case .policy: label.extras.replaceSubrange(1...3, with: [2, 0, 1])
        case .userfault:
            label.flags.insert(.userfaultMissing)
            label.extras[4] = 1
        }
    }

    /// `+` for an area that has the attribute, `-` for one that has not.
    func letter(_ test: TestMachine) -> (Area) -> Character {
        { area in
            let extras = test.core.extras(area.extras)
            let isOn =
                switch self {
                case .flags: area.flags.contains(.dontCopy)
                case .name: extras.name != 0
                case .policy: extras.policy != .none
                case .userfault: !extras.userfault.isNone
                }
            return isOn ? "+" : "-"
        }
    }
}

/// What lies beside the changed area.
private enum Neighbour: CaseIterable { case absent, other, same }

/// Where anonymous pages are when the change comes: in all three areas by one anon_vma, or in some by their own.
private let histories: [(name: String, together: Bool, apart: [Int])] = [
    ("untouched", false, []), ("one anon_vma", true, []), ("below", false, [0]), ("middle", false, [1]),
    ("above", false, [2]), ("below and above", false, [0, 2]), ("below and middle", false, [0, 1]),
    ("middle and above", false, [1, 2]), ("each its own", false, [0, 1, 2]),
]

@Suite struct ModifyTests {
    private let base: UInt64 = 0x4000_0000

    /// Three areas of four pages each; the middle one is changed: all of it, its lower part, its upper part, its middle.
    @Test(arguments: Modification.allCases) func everyShapeIsWhatTheRuleSays(_ entry: Modification) throws {
        let ranges = [4..<8, 4..<6, 6..<8, 5..<7]
        for history in histories {
            for inChild in [false, true] {
                let test = try TestMachine { $0.memory = 32 << 20 }
                _ = test.core.userfaults.allocate(test.cpu, UserfaultContext(space: 1))
                for below in Neighbour.allCases {
                    for above in Neighbour.allCases {
                        for range in ranges {
                            _ = try check(test, entry, history, below, above, range, inChild: inChild)
                        }
                    }
                }
                test.core.userfaults.free(test.cpu, test.core.userfaults.handle(at: 1))
                test.expectNothingLeft("\(history.name)")
            }
        }
    }

    /// S3-05: a record, a link or a node that cannot be had while areas split, or while one takes over another's
    /// anon_vma, is an error that changes nothing, leaks nothing, and is over with the next try.
    @Test(arguments: [AllocationKind.areas, .links, .nodes, .extras])
    func everyShapeMayRunOutOfMemory(_ kind: AllocationKind) throws {
        let ranges = [4..<8, 4..<6, 6..<8, 5..<7]
        let entry: Modification = kind == .extras ? .name : .flags
        for history in histories {
            for inChild in [false, true] {
                let test = try TestMachine { $0.memory = 32 << 20 }
                for below in [Neighbour.other, .same] {
                    for above in [Neighbour.other, .same] {
                        for range in ranges {
                            var count = 0
                            while try check(
                                test, entry, history, below, above, range, inChild: inChild, starving: (kind, count))
                            {
                                count += 1
                            }
                        }
                    }
                }
                test.expectNothingLeft("\(history.name)")
            }
        }
    }

    /// Changes one shape and checks it; with `starving`, while an allocation fails and then again. True: one failed.
    private func check(
        _ test: TestMachine, _ entry: Modification, _ history: (name: String, together: Bool, apart: [Int]),
        _ below: Neighbour, _ above: Neighbour, _ range: Range<Int>, inChild: Bool,
        starving: (kind: AllocationKind, count: Int)? = nil
    ) throws -> Bool {
        _ = try test.map(12 * page, at: base)
        if history.together { test.task.touchWrite(base, 12 * page) }
        // MADV_RANDOM keeps them apart while they get anon_vmas of their own.
        try test.task.madvise(base + 4 * page, 4 * page, Advice.random.rawValue)
        for place in history.apart { test.task.touchWrite(base + UInt64(place) * 4 * page, page) }
        try test.task.madvise(base + 4 * page, 4 * page, Advice.sequential.rawValue)
        let child = inChild ? try test.task.fork(pid: 2) : test.process
        let space = child.space
        for (place, neighbour) in [(0, below), (8, above)] {
            let start = base + UInt64(place) * page
            switch neighbour {
            case .absent: try child.main.munmap(start, 4 * page)
            case .other: continue
            case .same:
                try child.main.madvise(start, 4 * page, Advice.sequential.rawValue)
                try entry.change(test, space, start, start + 4 * page)
            }
        }
        let before = BorderOracle(space, base, pages: 12)
        var wanted = before
        wanted.change(range.lowerBound, range.upperBound) { entry.change(&$0, test) }
        let (start, end) = (base + UInt64(range.lowerBound) * page, base + UInt64(range.upperBound) * page)
        let scene = "\(history.name), below \(below), above \(above), \(range), child \(inChild)"
        var failed = false
        if let starving {
            starving.kind.fail(test, after: starving.count)
            do { try entry.change(test, space, start, end) } catch Errno.ENOMEM {
                #expect(BorderOracle(space, base, pages: 12).labels == before.labels, "\(scene)")
                child.checkInvariants()
            }
            failed = !starving.kind.isPending(test)
            starving.kind.fail(test, after: -1)
        }
        try entry.change(test, space, start, end)
        let found = BorderOracle(space, base, pages: 12)
        if let difference = wanted.difference(from: found) { Issue.record("\(scene): \(difference)") }
        child.checkInvariants()
        if inChild { child.main.exit() }
        try test.task.munmap(base, 12 * page)
        return failed
    }

    /// Linux's names for the ways to merge; `4` to `8` change [4, 8) or a part of it, by each entry.
    @Test(arguments: Modification.allCases) func linuxsCasesByName(_ entry: Modification) throws {
        let shapes: [(name: String, before: [Range<Int>], change: Range<Int>, after: String)] = [
            ("no merge, no split", [], 0..<12, "|++++++++++++|"),
            ("no merge, split at the start", [], 4..<12, "|----|++++++++|"),
            ("no merge, split at the end", [], 0..<8, "|++++++++|----|"),
            ("no merge, split at both", [], 4..<8, "|----|++++|----|"),
            ("4: next grows down", [8..<12], 6..<8, "|------|++++++|"),
            ("5: previous grows up", [0..<4], 4..<6, "|++++++|------|"),
            ("6: all three are one", [0..<4, 8..<12], 4..<8, "|++++++++++++|"),
            ("7: previous grows over all", [0..<4], 4..<12, "|++++++++++++|"),
            ("8: next grows over all", [8..<12], 0..<8, "|++++++++++++|"),
        ]
        for shape in shapes {
            let test = try TestMachine()
            _ = test.core.userfaults.allocate(test.cpu, UserfaultContext(space: 1))
            _ = try test.map(12 * page, at: base)
            for range in shape.before + [shape.change] {
                try entry.change(
                    test, test.space, base + UInt64(range.lowerBound) * page, base + UInt64(range.upperBound) * page)
            }
            let picture = test.picture(base, pages: 12, letter: entry.letter(test))
            #expect(picture == shape.after, "\(shape.name)")
            test.process.checkInvariants()
            test.core.userfaults.free(test.cpu, test.core.userfaults.handle(at: 1))
            test.expectNothingLeft()
        }
    }

    /// 1 to 3 of Linux's names: a new mapping, the heap's growth, a move, growth in place.
    @Test func newMappingsAndGrowthJoinTheirNeighbours() throws {
        let shapes: [(name: String, before: [Range<UInt64>], add: Range<UInt64>, after: String)] = [
            ("1: fills the gap", [0..<4, 8..<12], 4..<8, "|wwwwwwwwwwww|"),
            ("2: grows the previous one", [0..<4, 8..<12], 4..<6, "|wwwwww|..|wwww|"),
            ("3: grows the next one down", [0..<4, 8..<12], 6..<8, "|wwww|..|wwwwww|"),
        ]
        for shape in shapes {
            for moves in [false, true] {
                let test = try TestMachine()
                for range in shape.before {
                    _ = try test.map(UInt64(range.count) * page, at: base + range.lowerBound * page)
                }
                let (target, length) = (base + shape.add.lowerBound * page, UInt64(shape.add.count) * page)
                if moves {
                    let start = try test.map(length, at: 0x7000_0000)
                    try test.task.mremap(start, length, length, [.mayMove, .fixed], target)
                } else {
                    _ = try test.map(length, at: target)
                }
                #expect(test.picture(base, pages: 12) == shape.after, "\(shape.name)")
                test.process.checkInvariants()
                test.expectNothingLeft()
            }
        }
        let test = try TestMachine()
        test.process.setHeap(start: base)
        #expect(test.task.brk(base + 3 * page) == base + 3 * page)
        #expect(test.task.brk(base + 5 * page) == base + 5 * page)
        #expect(test.picture(base, pages: 6) == "|wwwww|.|")
        let start = try test.map(2 * page, at: 0x7000_0000)
        _ = try test.map(2 * page, at: start + 4 * page)
        // Growth that ends where another area begins joins it.
        #expect(try test.task.mremap(start, 2 * page, 4 * page, []) == start)
        #expect(test.picture(start, pages: 7) == "|wwwwww|.|")
        test.process.checkInvariants()
        test.expectNothingLeft()
    }

    /// Where nothing was ever written, the list is minimal after every change; where something was, it is what the rule
    /// makes of it.
    @Test(arguments: [false, true]) func randomChangesKeepTheListMinimal(_ writes: Bool) throws {
        let pages = 40
        for seed in 1...20 as ClosedRange<UInt64> {
            var random = SeededRandom(seed: seed)
            let test = try TestMachine { $0.memory = 32 << 20 }
            _ = test.core.userfaults.allocate(test.cpu, UserfaultContext(space: 1))
            _ = try test.map(UInt64(pages) * page, at: base)
            try test.task.munmap(base + 17 * page, page)
            for step in 0..<120 {
                let first = random.below(pages)
                let last = first + 1 + random.below(pages - first)
                let (entry, isOn) = (Modification.allCases[random.below(4)], random.oneIn(2))
                if writes, random.oneIn(4) { test.task.touchWrite(base + UInt64(first) * page, page) }
                var wanted = BorderOracle(test.space, base, pages: pages)
                let clean = PageLabel.clean(entry)
                wanted.change(first, last) { isOn ? entry.change(&$0, test) : clean(&$0) }
                try eachArea(test, first, last) { try entry.change(test, test.space, $0, $1, isOn) }
                let found = BorderOracle(test.space, base, pages: pages)
                if let difference = wanted.difference(from: found) {
                    Issue.record("seed \(seed), step \(step), \(entry) \(first)..<\(last): \(difference)")
                    return
                }
                #expect(writes || found.isMinimal)
                test.process.checkInvariants()
            }
            test.core.userfaults.free(test.cpu, test.core.userfaults.handle(at: 1))
            test.expectNothingLeft()
        }
    }

    /// Visits the areas of a range as they are when it comes to each, where it changes something.
    private func eachArea(
        _ test: TestMachine, _ first: Int, _ last: Int, _ body: (UInt64, UInt64) throws -> Void
    ) rethrows {
        var at = base + UInt64(first) * page
        let end = base + UInt64(last) * page
        while at < end {
            let area = test.space.areas.find(at)
            guard !area.isNone, test.core.areas[area].start < end else { return }
            let (from, to) = (max(at, test.core.areas[area].start), min(test.core.areas[area].end, end))
            at = to
            try body(from, to)
        }
    }
}

extension PageLabel {
    /// Takes an entry's attribute away.
    fileprivate static func clean(_ entry: Modification) -> (inout PageLabel) -> Void {
        { label in
            switch entry {
            case .flags: label.flags.remove(.dontCopy)
            case .name: label.extras[0] = 0
            case .policy: label.extras.replaceSubrange(1...3, with: [0, 0, 0])
            case .userfault:
                label.flags.subtract(.userfault)
                label.extras[4] = 0
            }
        }
    }
}
