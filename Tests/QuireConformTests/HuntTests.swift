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

    @Test func theSameSeedGivesTheSameWorkload() {
        let one = Generator.operations(seed: 5, count: 200)
        #expect(one == Generator.operations(seed: 5, count: 200))
        #expect(one != Generator.operations(seed: 6, count: 200))
    }

    @Test(arguments: [Weights.standard, .edges]) func whatIsWrittenCanBeRead(_ weights: Weights) {
        for seed in 1...10 {
            let workload = runnable(Generator.operations(seed: seed, count: 300, weights: weights))
            let text = workloadText(workload, comment: "two\nlines")
            #expect(readOperations(text).map { workloadText($0) } == workloadText(workload))
        }
    }

    @Test func aDroppedForkTakesItsChildsLinesAlong() {
        let lines = [Operation(.fork, [1]), Operation(.munmap, [0, 4096], process: 1)]
        #expect(runnable(lines).count == 2)
        #expect(runnable(Array(lines.dropFirst())).isEmpty)
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
