// The frame of a line: whose it is, whether the call begins, returns or does both here, and what becomes of its outcome:
// compared with the recording, bound to its name, reported. What takes memory away is carried out where the call begins,
// what gives it where the call returns, so that threads never clash.

import Quire

extension Player {
    /// Plays one line.
    func step(_ s: Statement) throws(ParseError) {
        switch s.kind {
        case .call:
            switch s.call {
            case .parallel, .end, .expect, .never: try concurrency(s)
            case .snapshot: try snapshot(s)
            default:
                try call(s)
                machine.noteCall()
            }
        case .exited, .killed: try ended(s)
        case .blank, .comment, .requires, .machine, .recordedOn, .signal: return
        }
    }

    @inline(__always)
    private func call(_ s: Statement) throws(ParseError) {
        if case .unknown(let name) = s.call {
            if !s.isResumed { ignore(name) }
            return
        }
        guard let actor = try actor(of: s) else { return }
        if s.isResumed { return try resume(s, actor) }
        if s.isUnfinished { return try begin(s, actor) }
        conclude(s, actor, try execute(s, actor))
    }

    private func ignore(_ name: NameID) {
        let index = Int(name.index)
        while ignored.count <= index { ignored.append(0) }
        ignored[index] += 1
    }

    // MARK: Calls in two lines

    private func begin(_ s: Statement, _ actor: Actor) throws(ParseError) {
        forget(actor)
        switch s.call {
        case .exit, .exitGroup:
            conclude(s, actor, try execute(s, actor))
        case .mprotect where !s.takesRightsAway, .munmap, .madvise, .processMadvise, .close:
            actor.pending = PendingCall(s, outcome: try execute(s, actor))
        default:
            if s.result == .unknown { return }
            actor.pending = PendingCall(s, outcome: nil)
            if s.call.makesProcess { makersUnderWay.append(actor) }
        }
    }

    private func resume(_ s: Statement, _ actor: Actor) throws(ParseError) {
        guard let pending = actor.pending, pending.statement.call == s.call else {
            return try resumeUnseen(s, actor)
        }
        forget(actor)
        var whole = pending.statement
        whole.line = s.line
        whole.result = s.result
        whole.isUnfinished = false
        if let outcome = pending.outcome {
            conclude(whole, actor, outcome)
        } else if pending.child != nil {
            conclude(whole, actor, Outcome(.recorded))
        } else {
            conclude(whole, actor, try execute(whole, actor))
        }
    }

    /// The line at which the call began is not there: it was lost, or execve made the thread another one.
    private func resumeUnseen(_ s: Statement, _ actor: Actor) throws(ParseError) {
        switch s.call {
        case .execve:
            conclude(s, actor, execve(s, actor))
        case .mmap, .mremap, .munmap, .mprotect, .brk, .madvise, .fork, .vfork, .clone, .clone3:
            let call = names.text(of: s.call)
            let expected = expectation(s)
            report.divergence(
                Divergence(line: s.line, call: call, expected: expected, got: "the line at which it began is missing"))
        default: return
        }
    }

    /// Ends the wait for a call to return.
    func forget(_ actor: Actor) {
        guard let pending = actor.pending else { return }
        actor.pending = nil
        if pending.statement.call.makesProcess { makersUnderWay.removeAll { $0 === actor } }
    }

    // MARK: Outcomes

    /// Compares, binds and reports.
    @inline(__always)
    func conclude(_ s: Statement, _ actor: Actor, _ outcome: Outcome) {
        if s.result != .none { compare(s, outcome) }
        if s.binding != nil { bind(s, outcome) }
        if writesCalls { write(s, actor, outcome) }
        if case .killed = outcome.ending { kill(s, actor) }
    }

    private func compare(_ s: Statement, _ outcome: Outcome) {
        let got: String
        switch (s.result, outcome.ending) {
        case (.none, _), (.unknown, _), (_, .recorded), (_, .unsupported), (_, .nothing), (_, .ignored): return
        case (.value(let expected), .address(let result)):
            if expected == result { return }
            got = "0x" + String(result, radix: 16)
        case (.value, .value): return
        case (.error(let name), .error(let number)):
            if names.outcomeNumber(of: name) == number.rawValue { return }
            got = number.name
        case (.error, .value(let result)): got = String(Int64(bitPattern: result))
        case (.error, .address(let result)): got = "0x" + String(result, radix: 16)
        case (.value, .error(let number)): got = number.name
        case (_, .signal(let code, _)): got = code.signal
        case (_, .killed): got = "SIGKILL"
        }
        let call = names.text(of: s.call)
        let expected = expectation(s)
        report.divergence(Divergence(line: s.line, call: call, expected: expected, got: got))
    }

    /// What the recording has, as text.
    private func expectation(_ s: Statement) -> String {
        switch s.result {
        case .none, .unknown: return "?"
        case .error(let name): return names[text: name]
        case .value(let value):
            return value >> 12 == 0 ? String(value) : "0x" + String(value, radix: 16)
        }
    }

    private func bind(_ s: Statement, _ outcome: Outcome) {
        guard let id = s.binding else { return }
        if let value = outcome.details?.bound { return names.bind(id, to: .value(value)) }
        switch outcome.ending {
        case .value(let value), .address(let value): names.bind(id, to: .value(value))
        case .error(let number): names.bind(id, to: .error(number.rawValue))
        case .signal(let code, _): names.bind(id, to: .signal(code.signal == "SIGBUS" ? 7 : 11))
        case .killed: names.bind(id, to: .signal(9))
        case .unsupported: names.bind(id, to: .error(Errno.ENOSYS.rawValue))
        case .recorded:
            switch s.result {
            case .value(let value): names.bind(id, to: .value(value))
            case .error(let name): names.bind(id, to: .error(names.outcomeNumber(of: name) ?? Errno.EIO.rawValue))
            case .none, .unknown: names.bind(id, to: .value(0))
            }
        case .nothing, .ignored: names.bind(id, to: .value(0))
        }
    }

    private func write(_ s: Statement, _ actor: Actor, _ outcome: Outcome) {
        let reported: CallReport.Outcome
        switch outcome.ending {
        case .value(let value): reported = .result(Int64(bitPattern: value))
        case .address(let value): reported = .address(value)
        case .error(let number): reported = .error(number.name)
        case .signal(let code, let address): reported = .signal(code.signal, code: code.name, address: address)
        case .killed: reported = .signal("SIGKILL", code: "SI_KERNEL", address: 0)
        case .unsupported: reported = .unsupported
        case .recorded:
            switch s.result {
            case .value(let value): reported = .result(Int64(bitPattern: value))
            case .error(let name): reported = .error(names[text: name])
            case .none, .unknown: reported = .none
            }
        case .nothing: reported = .none
        case .ignored: return
        }
        var call = CallReport(line: s.line, pid: actor.owner.number, call: names.text(of: s.call), outcome: reported)
        if let details = outcome.details {
            call.data = details.data
            call.fnv1a64 = details.hash
            call.path = details.path
            call.value = details.value
        }
        report.call(call)
    }

    /// Memory was used up in the middle of an access: Linux's way out is to kill.
    private func kill(_ s: Statement, _ actor: Actor) {
        actor.owner.wasKilled = true
        end(actor.owner)
    }
}

extension Statement {
    /// An mprotect that leaves no right to write: other threads may use the old rights until it returns.
    var takesRightsAway: Bool { (integer(2) ?? 0) & Protection.write.rawValue == 0 }
}
