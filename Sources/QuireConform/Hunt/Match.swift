// One workload on the model and, in step, on the reference model: results after each operation, invariants after each,
// state now and then and at the end. The model's part is kept as a record, which a live run is compared with.

import Quire
import QuireHost
import QuireWorkload

/// Plays one workload.
public struct Match {
    /// After how many operations the state is compared, not only results.
    public var stateInterval = 25
    /// After how many operations the record has a snapshot; 0 for never.
    public var snapshotInterval = 0
    /// Whether the reference model plays too.
    public var asksReference = true
    /// A test's planted bug: changes what the model is said to have answered.
    var distort: ((Operation, Answer) -> Answer)?
    /// Told of each operation before it is carried out.
    public var begins: ((_ index: Int) -> Void)?
    /// Told after each operation what it did: its call, how it ended, which counters of the machine it moved.
    var behaviour: ((String) -> Void)?

    /// Operations that the model carried out, and the time that it took for them with the check of invariants.
    public private(set) var operations = 0
    public private(set) var modelTime = Duration.zero
    /// How often the reference model had no answer of its own, by the reason.
    public private(set) var abstentions: [String: Int] = [:]
    /// What the model did.
    public private(set) var record = RunRecord(workload: "workload")
    /// The workload as it was played.
    private(set) var text = WorkloadText([])

    private var counters: [UInt64] = []

    public init() {}

    /// Plays; the first difference between the two models, or nil.
    public mutating func play(_ workload: [Operation]) throws(ReplayError) -> Difference? {
        text = WorkloadText(workload, snapshotEvery: snapshotInterval)
        let session = try ReplaySession(WorkloadReader(text: text.text))
        record = RunRecord(workload: "workload")
        record.base = session.state()
        var reference = asksReference && !text.hasHugePages ? ReferenceModel() : nil
        if asksReference, text.hasHugePages { abstentions["a machine with huge pages: it knows no folios"] = 1 }
        let clock = ContinuousClock()
        for (index, operation) in text.operations.enumerated() {
            begins?(index)
            // Part of the head: set already.
            if operation.call == .knob { continue }
            let start = clock.now
            let calls = try session.step() ?? []
            session.machine.checkInvariants()
            for process in session.machine.processes { process.checkInvariants() }
            modelTime += clock.now - start
            operations += 1
            record.calls += calls
            if behaviour != nil { note(operation, calls.last, session.machine) }
            if reference != nil, let found = compare(operation, index, calls.last, &reference, session.machine) {
                return Difference(found, with: .reference, operations: Array(text.operations[...index]))
            }
            if text.hasSnapshot(after: index) {
                _ = try session.step()
                record.snapshots.append(
                    RunSnapshot(line: session.line, label: String(index + 1), processes: session.state()))
            }
        }
        record.final = session.state()
        return nil
    }

    // MARK: The reference

    private mutating func compare(
        _ operation: Operation, _ index: Int, _ call: CallReport?, _ reference: inout ReferenceModel?,
        _ machine: Machine
    ) -> RunDifference? {
        var answer = call.map(Answer.init)
        if let distort, let real = answer { answer = distort(operation, real) }
        switch reference?.perform(operation, told: answer) {
        case .retires(let why):
            abstentions["\(operation.call.rawValue): \(why)", default: 0] += 1
            reference = nil
            return nil
        case .abstains(let why): abstentions["\(operation.call.rawValue): \(why)", default: 0] += 1
        case .answer(let expected):
            if operation.call != .exit, answer != expected { return differ(operation, index, answer, expected) }
        case nil: return differ(operation, index, answer, nil)
        }
        guard let reference, index % stateInterval == 0 || index == text.operations.count - 1 else { return nil }
        return Self.compare(machine, reference)
    }

    /// The first field in which two answers differ.
    private func differ(
        _ operation: Operation, _ index: Int, _ answer: Answer?, _ expected: Answer?
    ) -> RunDifference? {
        func report(_ answer: Answer?) -> CallReport? {
            answer.map { $0.report(line: index + 1, call: CallForm.of(operation.call).name) }
        }
        return RunComparison.difference(report(answer), report(expected))
    }

    private static func compare(_ machine: Machine, _ reference: ReferenceModel) -> RunDifference? {
        let processes = machine.processes
        let numbers = reference.spaces.keys.sorted()
        if processes.map(\.pid) != numbers {
            return RunDifference(
                place: "state", field: "processes", model: "\(processes.map(\.pid))", live: "\(numbers)")
        }
        for process in processes {
            guard let space = reference.spaces[process.pid] else { continue }
            let expected = SpaceState(space, number: process.pid)
            if let found = SpaceState(process).difference(from: expected) { return found }
        }
        return nil
    }

    // MARK: Behaviour

    private mutating func note(_ operation: Operation, _ call: CallReport?, _ machine: Machine) {
        let now = machine.counters
        if counters.count != now.count { counters = now.map { _ in 0 } }
        var moved = ""
        for (index, counter) in now.enumerated() {
            if counter.value != counters[index] { moved += " " + counter.name }
            counters[index] = counter.value
        }
        let end =
            switch call?.outcome {
            case .error(let name): name
            case .signal(let name, let code, _): "\(name) \(code)"
            case .unsupported: "unsupported"
            case .address, .result: "done"
            case .lost, .some(.none), nil: "-"
            }
        behaviour?("\(operation.call.rawValue) \(end)\(moved)")
    }
}

extension Answer {
    /// What a side reported of a line.
    init(_ call: CallReport) {
        self.init(call.outcome)
        data = call.data
        hash = call.fnv1a64
    }

    fileprivate func report(line: Int, call: String) -> CallReport {
        var report = CallReport(line: line, pid: 0, call: call, outcome: outcome)
        report.data = data
        report.fnv1a64 = hash
        return report
    }
}
