// Which call becomes which operation of a litmus test. Calls whose arguments are numbers go to the kernel as they stand.

import CQuireLive
import QuireWorkload

/// A line as it was read: its statement, and the results that its numbers depend on.
struct Reading {
    /// Where the members of a structure are counted from.
    static let members = 16

    var statement: Statement
    var added: [Int: Int]
}

extension LitmusCompiler {
    /// The operation of a line.
    mutating func compile(_ r: Reading, _ actor: Int, _ part: LitmusPart) throws(LiveRunError) -> LitmusOperation {
        let s = r.statement
        if let plain = PlainCall.of(s.call), s.call != .mlockall, s.call != .munlockall {
            return try pass(r, plain.arguments, plain.call, actor)
        }
        switch s.call {
        case .store: return try access(r, QUIRE_LITMUS_STORE, 2...3, actor)
        case .load: return try access(r, QUIRE_LITMUS_LOAD, 2...2, actor)
        case .touchWrite: return try access(r, QUIRE_LITMUS_TOUCH_WRITE, 2...2, actor)
        case .touchRead: return try access(r, QUIRE_LITMUS_TOUCH_READ, 2...2, actor)
        case .thread, .fork, .clone, .clone3: return try make(s, actor, part)
        case .exit, .exitGroup: return operation(QUIRE_LITMUS_EXIT, actor, try arguments(r, 0...1))
        case .wait4: return try wait(r, actor)
        case .pidfdOpen: return try openProcess(r, actor)
        case .processMadvise: return try advise(r, actor)
        case .gup: return try pin(r, actor)
        case .unpin: return try unpin(r, actor)
        case .fallocate: return try pass(r, 4...4, QUIRE_FALLOCATE, actor)
        case .pread64: return try pass(r, 4...4, QUIRE_PREAD64, actor)
        case .pwrite64: return try pass(r, 4...4, QUIRE_PWRITE64, actor)
        case .mincore:
            var operation = try pass(r, 2...3, QUIRE_MINCORE, actor)
            let pages = UInt64(QUIRE_SCRATCH_SIZE) / 2
            guard operation.arguments.count > 2 || operation.arguments[1].value <= pages << 12 else {
                throw refuse(s, "mincore of at most \(pages) pages")
            }
            if operation.arguments.count == 2 { operation.arguments.append(Argument(QUIRE_SCRATCH)) }
            return operation
        case .memfdCreate:
            // Its name is nobody's business here: whatever bytes the scratch buffer has.
            let flags = s.argumentCount > 1 ? try argument(r, 1) : Argument(0)
            return operation(
                QUIRE_LITMUS_CALL, actor, [Argument(QUIRE_SCRATCH + UInt64(QUIRE_SCRATCH_SIZE) - 8), flags],
                call: QUIRE_MEMFD_CREATE)
        default: throw refuse(s, "\(text(of: s.call)) is not a call of live litmus tests")
        }
    }

    private func argument(_ r: Reading, _ index: Int) throws(LiveRunError) -> Argument {
        guard let value = r.statement.integer(index) else {
            let call = text(of: r.statement.call)
            throw fail(r.statement, "expected a number as argument \(index + 1) of \(call)")
        }
        return Argument(value, r.added[index].map { .result($0) } ?? .nothing)
    }

    private func arguments(_ r: Reading, _ count: ClosedRange<Int>) throws(LiveRunError) -> [Argument] {
        let s = r.statement
        guard count.contains(s.argumentCount) else {
            let (least, most) = (count.lowerBound, count.upperBound)
            let wanted = least == most ? "\(least)" : "\(least) to \(most)"
            throw fail(s, "expected \(wanted) arguments of \(text(of: s.call)), found \(s.argumentCount)")
        }
        var all: [Argument] = []
        for index in 0..<s.argumentCount { all.append(try argument(r, index)) }
        return all
    }

    /// A call that goes to the kernel as it stands.
    private func pass(
        _ r: Reading, _ count: ClosedRange<Int>, _ call: quire_call, _ actor: Int
    ) throws(LiveRunError) -> LitmusOperation {
        operation(QUIRE_LITMUS_CALL, actor, try arguments(r, count), call: call)
    }

    /// An access: only its address may depend on a result.
    private func access(
        _ r: Reading, _ kind: quire_litmus_kind, _ count: ClosedRange<Int>, _ actor: Int
    ) throws(LiveRunError) -> LitmusOperation {
        let all = try arguments(r, count)
        guard all.dropFirst().allSatisfy({ $0.added == .nothing }) else {
            throw refuse(r.statement, "only the address of an access may depend on a result")
        }
        return operation(kind, actor, all)
    }

    // MARK: Processes

    /// The pid of the process that an argument names.
    private func process(_ r: Reading, _ index: Int) throws(LiveRunError) -> Argument {
        let given = try argument(r, index)
        guard case .result(let place) = given.added, given.value == 0, let child = actor(madeBy: place),
            !program.actors[child].isThread
        else {
            throw refuse(r.statement, "\(text(of: r.statement.call)) takes the name of a process")
        }
        return Argument(0, .pid(child))
    }

    private func wait(_ r: Reading, _ actor: Int) throws(LiveRunError) -> LitmusOperation {
        var all = try arguments(r, 3...4)
        if all[0] != Argument(.max), all[0] != Argument(0xFFFF_FFFF) { all[0] = try process(r, 0) }
        return operation(QUIRE_LITMUS_WAIT, actor, all, call: QUIRE_WAIT4)
    }

    private func openProcess(_ r: Reading, _ actor: Int) throws(LiveRunError) -> LitmusOperation {
        var all = try arguments(r, 1...2)
        all[0] = try process(r, 0)
        return operation(QUIRE_LITMUS_CALL, actor, all, call: QUIRE_PIDFD_OPEN)
    }

    /// process_madvise of one range, as strace prints it.
    private func advise(_ r: Reading, _ actor: Int) throws(LiveRunError) -> LitmusOperation {
        let s = r.statement
        guard case .structure(let range) = s[1].value, s.integer(2) == 1, s.argumentCount >= 4 else {
            throw refuse(s, "process_madvise takes one range as a structure")
        }
        let fields = Array(s.fields(of: range))
        guard fields.count == 2 else { throw refuse(s, "a range has an address and a length") }
        let members = (0...1).map { index in
            Argument(fields[index].value ?? 0, r.added[Reading.members + index].map { .result($0) } ?? .nothing)
        }
        let flags = s.argumentCount > 4 ? try argument(r, 4) : Argument(0)
        return operation(
            QUIRE_LITMUS_ADVISE, actor, [try argument(r, 0)] + members + [try argument(r, 3), flags])
    }

    // MARK: Pins

    /// gup: of the first process, for long and for writing, as io_uring pins a buffer.
    private mutating func pin(_ r: Reading, _ actor: Int) throws(LiveRunError) -> LitmusOperation {
        let all = try arguments(r, 2...3)
        guard all.count > 2, [0x101, 0x8_0101].contains(all[2].value), program.actors[actor].process == 1 else {
            throw refuse(r.statement, "gup is FOLL_WRITE|FOLL_LONGTERM, of the first process")
        }
        return operation(QUIRE_LITMUS_PIN, actor, [all[0], all[1], Argument(nextPin())])
    }

    private func unpin(_ r: Reading, _ actor: Int) throws(LiveRunError) -> LitmusOperation {
        let handle = try argument(r, 0)
        guard case .result(let place) = handle.added, handle.value == 0,
            program.operations[place].kind == QUIRE_LITMUS_PIN
        else { throw refuse(r.statement, "unpin takes the name of what gup has pinned") }
        return operation(QUIRE_LITMUS_UNPIN, actor, [handle])
    }
}
