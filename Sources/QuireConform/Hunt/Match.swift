// One workload on the model and on the reference model in step: results after each operation, invariants after each,
// state now and then and at the end.

import Quire
import QuireHost
import QuireWorkload

/// Plays workloads on both models.
public struct Match {
    /// After how many operations the state is compared, not only results.
    public var stateInterval = 8
    /// A test's planted bug: changes what the model is said to have answered.
    var distort: ((Operation, Answer) -> Answer)?
    /// Told after each operation what it did: its call, how it ended, which counters of the machine it moved.
    var behaviour: ((String) -> Void)?

    /// Operations that the model carried out, and the time that it took for them with the check of invariants.
    public private(set) var operations = 0
    public private(set) var modelTime = Duration.zero

    public init() {}

    /// Plays; the first difference, or nil.
    public mutating func play(_ workload: [Operation]) throws(ReplayError) -> Difference? {
        let lines = runnable(workload)
        let session = try ReplaySession(WorkloadReader(text: workloadText(lines)))
        let reference = ReferenceModel()
        let clock = ContinuousClock()
        for (index, operation) in lines.enumerated() {
            if operation.leavesPlaceOpen { return nil }
            let start = clock.now
            let calls = try session.step()
            for process in session.machine.processes { process.checkInvariants() }
            modelTime += clock.now - start
            operations += 1
            var answer = calls?.last.map(Answer.init)
            if let distort, let real = answer { answer = distort(operation, real) }
            let expected = reference.perform(operation)
            // Where Linux chooses a place the reference model has no answer.
            if case .error(let name) = expected?.outcome, name.hasPrefix("(") { return nil }
            if operation.call != .exit, answer != expected {
                let text = "model \(answer.text) | reference \(expected.text)"
                return Difference(operations: Array(lines[...index]), text: text)
            }
            if behaviour != nil { note(operation, answer, session.machine) }
            if index % stateInterval == 0 || index == lines.count - 1,
                let text = Self.compare(session.machine, reference)
            {
                return Difference(operations: Array(lines[...index]), text: text)
            }
        }
        return nil
    }

    private static func compare(_ machine: Machine, _ reference: ReferenceModel) -> String? {
        let processes = machine.processes
        let numbers = reference.spaces.keys.sorted()
        if processes.map(\.pid) != numbers { return "processes \(processes.map(\.pid)) | \(numbers)" }
        for process in processes {
            guard let space = reference.spaces[process.pid] else { continue }
            let expected = SpaceState(space, number: process.pid)
            if let text = SpaceState(process).difference(from: expected) { return text }
        }
        return nil
    }

    // MARK: Behaviour

    private var counters: [UInt64] = []

    private mutating func note(_ operation: Operation, _ answer: Answer?, _ machine: Machine) {
        let now = machine.counters
        if counters.count != now.count { counters = now.map { _ in 0 } }
        var moved = ""
        for (index, counter) in now.enumerated() {
            if counter.value != counters[index] { moved += " " + counter.name }
            counters[index] = counter.value
        }
        behaviour?("\(operation.call.rawValue) \(answer.kind)\(moved)")
    }
}

extension Answer {
    /// What the model reported of a line.
    init(_ call: CallReport) {
        self.init(call.outcome)
        data = call.data
        hash = call.fnv1a64
    }
}

extension Answer? {
    /// In words.
    fileprivate var text: String {
        guard let self else { return "nothing" }
        var text = kind
        switch self.outcome {
        case .address(let address): text = hex(address)
        case .result(let number): text = String(number)
        case .signal(_, _, let address): text += " at \(hex(address))"
        default: break
        }
        if let data = self.data { text += " data \(data)" }
        if let hash = self.hash { text += " fnv1a64 \(hex(hash))" }
        return text
    }

    /// How it ended, without numbers.
    fileprivate var kind: String {
        switch self?.outcome {
        case .error(let name): name
        case .signal(let name, let code, _): "\(name) \(code)"
        case .unsupported: "unsupported"
        case .lost(let why): "lost: \(why)"
        case .address, .result: "done"
        case .some(.none), nil: "-"
        }
    }
}
