// The hunter itself: the models agree over random workloads, planted bugs are found and shrunk to a few lines, and what
// is written can be read.

import QuireWorkload
import Testing

@testable import QuireConform

@Suite struct HuntTests {
    @Test(arguments: [Weights.standard, .edges]) func twentySeedsAgree(_ weights: Weights) throws {
        var hunt = Hunt()
        hunt.operations = 100
        hunt.weights = weights
        for seed in 1...20 {
            let difference = try hunt.run(hunt.workload(seed: seed), name: "seed-\(seed)")
            #expect(difference == nil, "seed \(seed): \(difference?.line ?? "") \(difference?.text ?? "")")
        }
        #expect(hunt.operationCount > 1500)
    }

    /// A bug put between the model and its report, as `bug` says.
    private func hunt(_ bug: @escaping (Operation, Answer) -> Answer) throws -> Difference? {
        var hunt = Hunt()
        hunt.distort = bug
        for seed in 1...20 {
            if let found = try hunt.run(hunt.workload(seed: seed), name: "seed-\(seed)") { return hunt.shrink(found) }
        }
        return nil
    }

    @Test func aPlantedErrorIsFoundAndShrunk() throws {
        let found = try hunt { operation, answer in
            // munmap of a whole table "fails".
            guard operation.call == .munmap, operation.argument(1) >= 1 << 21 else { return answer }
            return Answer(.error("ENOMEM"))
        }
        let difference = try #require(found)
        #expect(difference.operations.count <= 10)
        #expect(difference.operations.last?.call == .munmap)
    }

    @Test func aPlantedWrongByteIsFoundAndShrunk() throws {
        let found = try hunt { operation, answer in
            // A load of what was written is off by one.
            guard operation.call == .load, let data = answer.data, data.contains(where: { $0 != 0 }) else {
                return answer
            }
            return Answer(.none, data: data.map { $0 &+ 1 })
        }
        let difference = try #require(found)
        #expect(difference.operations.count <= 4)
        #expect(difference.operations.last?.call == .load)
    }

    /// Seeds that lay one step apart drew the same numbers, one place later.
    @Test func oneSeedIsNotAnotherOneLater() {
        var (one, other) = (SeededRandom(1), SeededRandom(2))
        let (numbers, others) = ((0..<64).map { _ in one.next() }, (0..<64).map { _ in other.next() })
        #expect(Set(numbers).isDisjoint(with: others))
    }

    @Test func theSameSeedGivesTheSameWorkload() {
        let one = Generator.operations(seed: 5, count: 200)
        #expect(one == Generator.operations(seed: 5, count: 200))
        #expect(one != Generator.operations(seed: 6, count: 200))
    }

    @Test(arguments: [Weights.standard, .edges, .huge]) func whatIsWrittenCanBeRead(_ weights: Weights) {
        for seed in 1...10 {
            let workload = runnable(Generator.operations(seed: seed, count: 300, weights: weights))
            for operation in workload {
                #expect(Operation(line: operation.line)?.line == operation.line)
            }
            #expect(readOperations(workloadText(workload, comment: "two\nlines"))?.count == workload.count)
        }
    }

    @Test(arguments: [Weights.standard, .edges]) func everyCallIsDrawnAndMeansTheSameEverywhere(_ weights: Weights) {
        var drawn: Set<OperationCall> = []
        for seed in 1...60 {
            let workload = Generator.operations(seed: seed, count: 300, weights: weights)
            drawn.formUnion(workload.map(\.call))
            #expect(workload.filter { !$0.isAlikeEverywhere } == [], "seed \(seed)")
        }
        let ofHugePages: Set<OperationCall> = [.knob, .khugepaged, .dropCaches, .statistic, .gup, .unpin]
        #expect(drawn == Set(OperationCall.allCases).subtracting(ofHugePages))
    }

    @Test func workloadsOfHugePagesSetTheMachineAndPin() throws {
        var drawn: Set<OperationCall> = []
        for seed in 1...40 {
            let workload = Generator.operations(seed: seed, count: 300, weights: .huge)
            drawn.formUnion(workload.map(\.call))
            #expect(workload.filter { !$0.isAlike(withHugePages: true) } == [], "seed \(seed)")
            let text = WorkloadText(workload, snapshotEvery: 1)
            #expect(text.hasHugePages)
            #expect(text.text.hasPrefix("# requires: thp\n# machine: "))
        }
        #expect(
            drawn.isSuperset(of: [.knob, .khugepaged, .dropCaches, .statistic, .gup, .unpin, .madvise, .fork, .exit]))
    }

    @Test func aKnobThatIsTheHeadsOfSmallPagesIsKept() throws {
        let knob = Operation(.knob, [0, 0])
        let text = workloadText([knob, Operation(.khugepaged, [1])])
        #expect(readOperations(text) == [knob, Operation(.khugepaged, [1])])
        #expect(readOperations(workloadText([Operation(.munmap, [0, 1])])) == [Operation(.munmap, [0, 1])])
    }

    @Test func aHandleThatNobodyTookIsNotGivenBack() {
        let gup = Operation(.gup, [Zones.base, 4096, 0x101, 7])
        #expect(gup.line == "h7 = gup(0x100000000000, 0x1000, FOLL_WRITE|FOLL_LONGTERM)")
        #expect(runnable([Operation(.unpin, [7]), gup, Operation(.unpin, [7])]) == [gup, Operation(.unpin, [7])])
    }

    @Test func whatCouldReachALiveProcessItselfIsNoQuestion() {
        let foreign: UInt64 = 0x2100_0000_0000
        let huge: UInt64 = 1 << 43
        let questions: [Operation] = [
            Operation(.munmap, [0, huge]), Operation(.munmap, [foreign, 4096]), Operation(.store, [foreign, 1, 1]),
            Operation(.madvise, [Zones.base, 1 << 46, 4]), Operation(.close, [900]), Operation(.close, [1]),
            Operation(.mmap, [0x1000, 4096, 3, 0x32, .max, 0]), Operation(.mmap, [0, huge, 1, 0x22, .max, 0]),
            Operation(.fallocate, [3, 0, 0, huge]), Operation(.mlock, [0x7FFF_FFFF_EFFF, .max]),
            Operation(.mprotect, [0x1000, 1 << 21, 0x0100_0003]), Operation(.madvise, [Zones.base, 4096, 25]),
        ]
        for question in questions { #expect(!question.isAlikeEverywhere, "\(question.line)") }
    }

    @Test func aFileWithNamesBecomesOperations() throws {
        let text = """
            a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
            fd = memfd_create("g", MFD_CLOEXEC)
            ftruncate(fd, 16K)
            c = fork()
            [c] store(a+4K, 8, 7)  # a comment
            snapshot("x")
            [c] exit(0)
            wait4(c, NULL, 0, NULL)
            """
        let record = RunRecord()
        _ = try Replay(ReplayOptions()).run(WorkloadReader(text: text), to: MemorySink(), record: record)
        let found = try #require(operations(of: text, record))
        #expect(
            found.map(\.line) == [
                "mmap(0x100000000000, 0x10000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0x0)",
                "memfd_create(\"conform\", MFD_CLOEXEC)", "ftruncate(3, 0x4000)", "c1 = fork()",
                "[c1] store(0x100000001000, 8, 7)", "[c1] exit(0)", "wait4(c1, NULL, 0, NULL)",
            ])
    }

    @Test func aDroppedForkTakesItsChildsLinesAlong() {
        let lines = [Operation(.fork, [1]), Operation(.munmap, [0, 4096], process: 1)]
        #expect(runnable(lines).count == 2)
        #expect(runnable(Array(lines.dropFirst())).isEmpty)
    }

    @Test func whoHasLentItsMemoryWaits() {
        let lines: [Operation] = [
            Operation(.vfork, [1]), Operation(.munlockall), Operation(.vfork, [2], process: 1),
            Operation(.exit, process: 1), Operation(.munlockall), Operation(.wait4, [1]),
        ]
        #expect(runnable(lines) == [lines[0], lines[3], lines[4], lines[5]])
    }

    @Test func weightsAreReadAndRefused() throws {
        let only = try Weights.read("# comment\nmmap 3\nedges 7").get()
        #expect(only.values["mmap"] == 3)
        #expect(only.edges == 7)
        #expect(throws: WeightsError.self) { try Weights.read("mmap").get() }
        #expect(throws: WeightsError.self) { try Weights.read("\nnothing 3").get() }
    }

    @Test func theReproducerHasEveryCall() {
        let workload = runnable(Generator.operations(seed: 3, count: 120))
        let program = Reproducer.program(workload, comment: "what it shows")
        #expect(program.hasPrefix("// what it shows\n"))
        #expect(program.split(separator: "\n").count { $0.hasPrefix("    STEP(") } == workload.count)
    }
}
