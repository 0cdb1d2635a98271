// Whose line it is. A pid that no line has shown before belongs to the one fork, vfork or clone that is under way; if
// there are several, a look ahead decides.

import Quire

extension Player {
    /// The actor of a line; nil for lines of a process that is gone and whose last lines are still coming in.
    @inline(__always)
    func actor(of s: Statement) throws(ParseError) -> Actor? {
        if let lastActor, lastPrefix == s.prefix, !lastActor.hasEnded { return lastActor }
        return try findActor(of: s)
    }

    @inline(never)
    private func findActor(of s: Statement) throws(ParseError) -> Actor? {
        let found: Actor
        switch s.prefix {
        case .none: found = root
        case .pid(let pid):
            if let known = actors[Int(pid)] { found = known } else { found = try newcomer(pid, s) }
        case .name(let id):
            guard case .value(let value) = names.binding(of: id), let number = Int(exactly: value),
                let actor = actors[number]
            else { throw fail(s, "expected the name of a process or thread, found '\(names[text: id])'", column: 2) }
            found = actor
        }
        if found.hasEnded {
            // A tracer still shows how other threads and interrupted calls end.
            if case .pid = s.prefix { return nil }
            if found.owner.wasKilled || s.isResumed || s.result != .none { return nil }
            throw fail(s, "expected a process that runs; this one has exited", column: 1)
        }
        if let child = found.borrower, !child.hasEnded, child.lender != nil, s.result == .none {
            throw fail(s, "expected another process; this one waits for its vfork child", column: 1)
        }
        found.task.schedule()
        if case .name = s.prefix {
            // The name may be bound to another process in between.
            lastActor = nil
        } else {
            lastPrefix = s.prefix
            lastActor = found
        }
        return found
    }

    /// Finds out who a pid is that was not seen before.
    private func newcomer(_ pid: Int32, _ s: Statement) throws(ParseError) -> Actor {
        if rootIsUnnumbered, makersUnderWay.isEmpty || isRoot(s) {
            // A tracer prints no pid while there is one process only.
            rootIsUnnumbered = false
            actors[Int(pid)] = root
            return root
        }
        var maker = makersUnderWay.count == 1 ? makersUnderWay[0] : nil
        if maker == nil, !makersUnderWay.isEmpty, let caller = feed.maker(of: pid) {
            maker = makersUnderWay.first { $0 === actors[Int(caller)] }
        }
        guard let maker, let pending = maker.pending else {
            throw fail(s, "expected a pid that a fork, vfork or clone has made; \(pid) has never started", column: 1)
        }
        do throws(Errno) {
            let child = try makeChild(CloneRequest(pending.statement, names: &names), maker, Int(pid))
            pending.child = child.number
            makersUnderWay.removeAll { $0 === maker }
            return child
        } catch {
            throw fail(s, "process \(pid) cannot be made: \(error.name)", column: 1)
        }
    }

    /// Whether a new pid is the first process's, while its fork is under way: then nothing but the fork's return can
    /// come from it.
    private func isRoot(_ s: Statement) -> Bool {
        s.isResumed && root.pending?.statement.call == s.call
    }
}
