// Blocks under concurrency: hardware that sets accessed and dirty at any moment of a conversion loses neither (R-11, S1-17), and
// whoever reads an entry without a lock gets one state of its block, never a mixture (S1-08). First every single point at which
// the other CPU can come in between, then real threads.

import Synchronization
import Testing

@testable import Quire

/// What happens to a block; each returns what callers learn of the entries that it took out.
private enum BlockChange: String, CaseIterable, Sendable {
    case unfoldByTakingOut, fold, protectAll, protectOne, takeOutAll, exchangeFolio, setAccessed

    /// Whether the block is folded before.
    var startsFolded: Bool { self != .fold }

    func run(_ bench: BlockBench, _ cpu: CPU, other: FrameNumber) -> [Entry] {
        let (tables, table, size) = (bench.tables, bench.table, bench.size)
        switch self {
        case .unfoldByTakingOut: return [tables.takeOut(cpu, table, 3)]
        case .fold:
            let last = bench.leaf(bench.folios[0].head, size - 1)
            tables.update(cpu, table, size - 1, bench.format.withoutAge(last))
        case .protectAll: _ = tables.writeProtectRun(cpu, table, 0, count: size)
        case .protectOne: _ = tables.writeProtectRun(cpu, table, 5, count: 1)
        case .takeOutAll: return [tables.takeOutRun(cpu, table, 0, count: size)]
        case .exchangeFolio:
            let taken = tables.takeOutRun(cpu, table, 0, count: size)
            tables.updateRun(cpu, table, 0, count: size, bench.leaf(other, write: false))
            return [taken]
        case .setAccessed: tables.update(cpu, table, 4, bench.format.used(tables.load(cpu, table, 4)))
        }
        return []
    }
}

@Suite struct BlockRaceTests {
    /// A block of clean entries, folded or plain, and a second folio.
    private func bench(
        _ change: BlockChange, _ mode: RunMode = .explored
    ) throws -> (BlockBench, FrameNumber, FrameNumber) {
        let bench = try BlockBench(.arm64, mode: mode, cpus: 3)
        let head = bench.blockFolio()
        let other = bench.blockFolio()
        let entry = bench.format.withoutAge(bench.leaf(head))
        bench.tables.installRun(bench.cpu, bench.table, 0, count: bench.size, entry)
        if !change.startsFolded {
            // Plain, and one entry away from folding.
            _ = bench.tables.takeOut(bench.cpu, bench.table, bench.size - 1)
        }
        #expect(bench.folded() == (change.startsFolded ? bench.size : 0))
        return (bench, head, other)
    }

    /// A store of hardware at every point of every change, to several entries: the page is known to be written afterwards, by
    /// what was taken out or by what is there, or the access faulted.
    @Test(arguments: BlockChange.allCases) private func hardwareLosesNoDirtyState(_ change: BlockChange) throws {
        for target in [0, 3, 9, 15] {
            var points = 0
            while true {
                let (bench, head, other) = try bench(change)
                var wasSet = false
                let hook = Once(after: points) { wasSet = bench.access(target, write: true, on: bench.cpu(1)) }
                bench.environment.hook = hook
                let taken = change.run(bench, bench.cpu, other: other)
                bench.environment.hook = nil
                guard hook.hasActed else { break }
                var isKnown = taken.contains { bench.format.isDirty($0) }
                for place in 0..<bench.size {
                    let entry = bench.load(place)
                    guard bench.format.isPresent(entry), bench.format.isDirty(entry) else { continue }
                    if bench.memory.head(bench.cpu, bench.format.frame(entry)) == head { isKnown = true }
                }
                #expect(isKnown == wasSet, "\(change) at point \(points), entry \(target)")
                bench.check()
                points += 1
            }
            #expect(points >= 16, "there was something to come in between")
        }
    }

    /// A whole change at every point of a read: the value is one that the entry had.
    @Test(arguments: BlockChange.allCases) private func aReaderSeesOneState(_ change: BlockChange) throws {
        for target in [0, 3, 5, 15] {
            var points = 0
            while true {
                let (bench, _, other) = try bench(change)
                bench.access(11, write: true)
                let before = bench.load(target)
                let hook = Once(after: points) { _ = change.run(bench, bench.cpu(1), other: other) }
                bench.environment.hook = hook
                let seen = bench.load(target)
                bench.environment.hook = nil
                guard hook.hasActed else { break }
                let after = bench.load(target)
                #expect(seen == before || seen == after, "\(change) at point \(points), entry \(target)")
                points += 1
            }
            #expect(points >= 1)
        }
    }

    /// Real threads: one converts and protects, one reads, one writes as hardware does.
    @Test func threadsAgreeOnABlock() throws {
        let (bench, head, _) = try bench(.protectAll, .parallel)
        let format = bench.format
        let shared = Handed(bench)
        let rounds = 2_000
        let done = Atomic<Bool>(false)
        let stores = Atomic<Int>(0)
        let wrong = Atomic<Int>(0)
        let expected = format.withoutAge(bench.leaf(head))
        onThreads(3) { index in
            let bench = shared.value
            let cpu = bench.cpu(index)
            let lock = bench.tables.pteLock(bench.table)
            switch index {
            case 0:
                for round in 0..<rounds {
                    lock.lock(cpu)
                    let entry = bench.tables.takeOut(cpu, bench.table, round % 16)
                    bench.tables.update(cpu, bench.table, round % 16, entry)
                    let protected = bench.tables.writeProtectRun(cpu, bench.table, 0, count: 16)
                    let all = bench.tables.takeOutRun(cpu, bench.table, 0, count: 16)
                    if format.isDirty(protected), !format.isDirty(all) { wrong.add(1, ordering: .relaxed) }
                    bench.tables.updateRun(cpu, bench.table, 0, count: 16, format.writable(all))
                    lock.unlock(cpu)
                }
                done.store(true, ordering: .releasing)
            case 1:
                var place = 0
                while !done.load(ordering: .acquiring) {
                    let entry = bench.tables.load(cpu, bench.table, place)
                    let page = format.entry(expected, pagesOn: place)
                    let isOne =
                        entry.isNone || format.withoutAge(entry) == page
                        || format.withoutAge(entry) == format.withoutAge(format.writeProtected(page))
                    if !isOne { wrong.add(1, ordering: .relaxed) }
                    place = (place + 1) & 15
                }
            default:
                var place = 0
                while !done.load(ordering: .acquiring) {
                    if bench.access(place, write: true, on: cpu) { stores.add(1, ordering: .relaxed) }
                    place = (place + 7) & 15
                }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(stores.load(ordering: .relaxed) == 0 || format.isDirty(bench.load(0)), "what was written stays written")
        bench.check()
    }
}
