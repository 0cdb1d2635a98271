// Real threads for every pair of empty-table reclaim with what must survive a vanishing table (the matrix S0-13), on the same
// table and on the next, with two and with three threads. Each round begins on all threads at once, and rounds go on until
// enough of them overlapped. Afterwards every invariant holds and nothing is left. Scripts/stress-threads runs these under the
// thread sanitizer; how many rounds comes from the environment, since that is ten times slower.

import Foundation
import QuireHost
import Testing

@testable import Quire

/// Where the two sides meet, and how many threads there are.
struct Meeting: CustomTestStringConvertible, Sendable {
    let isAdjacent: Bool
    let threads: Int

    static let all = [
        Meeting(isAdjacent: false, threads: 2), Meeting(isAdjacent: true, threads: 2),
        Meeting(isAdjacent: false, threads: 3), Meeting(isAdjacent: true, threads: 3),
    ]

    var testDescription: String { "\(isAdjacent ? "adjacent tables" : "same table"), \(threads) threads" }
}

/// One machine at a time: its threads have the CPUs for themselves.
@Suite(.serialized) struct ReclaimStressTests {
    /// Rounds of a pair in which its sides overlap.
    private static let rounds = ProcessInfo.processInfo.environment["QUIRE_STRESS_ROUNDS"].flatMap(Int.init) ?? 20

    @Test(arguments: TableReclaimer.allCases, TableConsumer.allCases)
    func nothingIsLostWithATable(_ reclaimer: TableReclaimer, _ consumer: TableConsumer) throws {
        var freed: UInt64 = 0
        for meeting in Meeting.all {
            let scene = try ReclaimScene(reclaimer, consumer, meeting)
            let gate = RoundGate(threads: meeting.threads, overlaps: Self.rounds)
            let sides: [() -> Void] = (0..<meeting.threads).map { index in { scene.run(index, gate) } }
            // Where they may run on one processor, they take turns and nothing overlaps.
            PinnedThreads.run(sides, on: PinnedThreads.processors)
            let what: Comment = "\(reclaimer) against \(consumer), \(meeting.testDescription)"
            #expect(gate.overlapping > 0, what)
            scene.test.process.checkInvariants()
            freed += reclaimer.freed(scene.test)
            scene.test.expectNothingLeft(what)
        }
        #expect(freed > 0)
    }
}

/// A machine with two tables' worth of memory, and a task on each CPU.
private struct ReclaimScene {
    let test: TestMachine
    private let tasks: [Quire.Task]
    private let reclaimer: TableReclaimer
    private let consumer: TableConsumer
    private let isAdjacent: Bool
    private let base: UInt64 = 0x1000_0000_0000

    init(_ reclaimer: TableReclaimer, _ consumer: TableConsumer, _ meeting: Meeting) throws {
        (self.reclaimer, self.consumer, isAdjacent) = (reclaimer, consumer, meeting.isAdjacent)
        let isLarge = meeting.threads == 3
        let test = try TestMachine(sizes: isLarge ? [16] : []) {
            $0.mode = .parallel
            $0.cpus = meeting.threads
            $0.tlb = isLarge
            reclaimer.configure(&$0)
        }
        try reclaimer.prepare(test)
        if consumer.isOfFile {
            let fd = try test.memoryFile(pages: 4)
            try test.task.ftruncate(fd, 2 * span)
            _ = try test.task.mmap(
                base, length: 2 * span, protection: [.read, .write], flags: [.shared, .fixed], fd: fd)
        } else {
            _ = try test.map(2 * span, at: base)
        }
        self.test = test
        tasks = (0..<meeting.threads).map { $0 == 0 ? test.task : test.process.makeTask(tid: 1 + $0, cpu: $0) }
        for index in tasks.indices { _ = try test.map(span, at: other(index)) }
    }

    /// Memory of each thread's own, with room between them.
    private func other(_ index: Int) -> UInt64 { base + UInt64(4 * index + 4) * span }

    /// One side: CPU 0 reclaims, CPU 1 consumes, CPU 2 does both by turns.
    func run(_ index: Int, _ gate: RoundGate) {
        let task = tasks[index]
        var random = SeededRandom(seed: UInt64(index + 5))
        var round = 0
        while gate.pass(round, &random) {
            switch index {
            case 0:
                gate.victim {
                    reclaimer.act(test, task, &random, base: base, length: tasks.count == 2 ? span : 2 * span)
                }
            case 1:
                gate.against {
                    consumer.act(test, task, &random, base: isAdjacent ? base + span : base, other: other(1))
                }
            case _ where round % 2 == 0: reclaimer.act(test, task, &random, base: base, length: span)
            default: consumer.act(test, task, &random, base: base, other: other(2))
            }
            round += 1
        }
    }
}
