// Processes come and go: fork, vfork, clone, threads, execve, exit. A vfork child borrows its parent's address space until
// its own execve or exit, which leaves the parent's alone. Waiting for an end is in `Player+Wait`.

import Quire

extension Player {
    // MARK: Beginnings

    /// fork, vfork, clone, clone3, thread.
    func makeProcess(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        if s.call == .thread {
            let number = nextThread
            nextThread += 1
            let task = makeThread(number, actor)
            actors[number] = Actor(number: number, owner: actor.owner, task: task)
            return Outcome(.value(UInt64(number)))
        }
        let request = CloneRequest(s, names: &names)
        switch s.result {
        case .none:
            if let refusal = request.refusal { return Outcome(.error(Errno(rawValue: refusal) ?? .EINVAL)) }
            while actors[nextNumber] != nil { nextNumber += 1 }
            let number = nextNumber
            do throws(Errno) {
                let child = try makeChild(request, actor, number)
                nextNumber += 1
                if child.owner !== actor.owner {
                    child.owner.parent = actor.owner
                    actor.owner.children[number] = Child(process: child.owner.process, exitSignal: request.exitSignal)
                    if request.suspendsCaller {
                        actor.borrower = child.owner
                        lastActor = nil
                    }
                }
                return Outcome(.value(UInt64(number)))
            } catch {
                return Outcome(.error(error))
            }
        case .value(let pid):
            guard pid > 0, pid <= 1 << 22 else { return Outcome(.recorded) }
            if let known = actors[Int(pid)] {
                // Its lines came first, or an earlier process of that number has ended.
                if !known.hasEnded { return Outcome(.recorded) }
                actors[Int(pid)] = nil
            }
            do throws(Errno) {
                _ = try makeChild(request, actor, Int(pid))
                return Outcome(.recorded)
            } catch {
                return Outcome(.error(error))
            }
        case .error, .unknown: return Outcome(.recorded)
        }
    }

    /// A thread of the actor's process; each process's threads are spread over the CPUs in the order of creation.
    private func makeThread(_ number: Int, _ actor: Actor) -> Task {
        actor.owner.process.makeTask(tid: number, cpu: actor.owner.threads % machine.configuration.cpus)
    }

    /// Makes the child of a call: a thread, a borrower of the address space, or a copy.
    func makeChild(_ request: CloneRequest, _ actor: Actor, _ number: Int) throws(Errno) -> Actor {
        if request.makesThread {
            let thread = Actor(number: number, owner: actor.owner, task: makeThread(number, actor))
            actors[number] = thread
            return thread
        }
        let borrows = request.sharesMemory
        let process = borrows ? try actor.task.vfork(pid: number) : try actor.task.fork(pid: number)
        let resident = Resident(number: number, process: process)
        if borrows {
            let lender = actor.owner.lender?.resident ?? actor.owner
            resident.lender = (lender, lender.images)
        }
        residents[number] = resident
        let child = Actor(number: number, owner: resident, task: process.main)
        actors[number] = child
        return child
    }

    // MARK: execve

    /// execve: only one that succeeded does anything, and that only the recording knows. The image's lines follow.
    func execve(_ s: Statement, _ actor: Actor) -> Outcome {
        switch s.result {
        case .error, .unknown: return Outcome(.recorded)
        case .none, .value: break
        }
        let resident = actor.owner
        do throws(Errno) { try actor.task.execve() } catch { return Outcome(.error(error)) }
        resident.images += 1
        resident.lender = nil
        // The other threads are gone, and the one that is left has the process's number.
        for other in actors.values where other.owner === resident && other !== actor { finish(other) }
        actor.task = resident.process.main
        if actor.number != resident.number, resident.number < Actor.firstThread {
            actors[actor.number] = nil
            let leader = Actor(number: resident.number, owner: resident, task: resident.process.main)
            actors[resident.number] = leader
            actor.hasEnded = true
            resident.threads = 1
        }
        lastActor = nil
        return s.result == .none ? .done : Outcome(.recorded)
    }

    // MARK: Ends

    /// exit ends a thread, exit_group all of the process's.
    func exit(_ s: Statement, _ actor: Actor) -> Outcome {
        let status = UInt32(truncatingIfNeeded: s.integer(0) ?? 0) & 0xFF
        if s.call == .exitGroup { end(actor.owner, status: status << 8) } else { endThread(actor, status << 8) }
        return .done
    }

    /// `+++ exited with N +++`, `+++ killed by SIG +++`.
    func ended(_ s: Statement) throws(ParseError) {
        guard case .pid(let pid) = s.prefix else {
            if !root.hasEnded { end(root.owner) }
            return
        }
        if actors[Int(pid)] == nil {
            // A child that did nothing, or one that the recording never showed.
            guard !makersUnderWay.isEmpty, try actor(of: s) != nil else { return }
        }
        guard let actor = actors[Int(pid)] else { return }
        if s.kind == .killed { end(actor.owner) } else { endThread(actor, 0) }
        actors[Int(pid)] = nil
    }

    private func endThread(_ actor: Actor, _ status: UInt32) {
        guard !actor.hasEnded else { return }
        if actor.owner.threads == 1 { return end(actor.owner, status: status) }
        finish(actor)
    }

    private func finish(_ actor: Actor) {
        if actor.hasEnded { return }
        actor.hasEnded = true
        actor.owner.threads -= 1
        forget(actor)
        if lastActor === actor { lastActor = nil }
    }

    /// Ends a process: its state goes into the report, its memory back to the machine. `status` is what wait4 tells.
    func end(_ resident: Resident, status: UInt32 = 0) {
        guard !resident.hasEnded else { return }
        report.exited(ProcessReport(resident.process, pid: resident.number, areas: false))
        resident.hasEnded = true
        if resident.threads == 1, let only = actors[resident.number], only.owner === resident {
            finish(only)
        } else {
            for actor in actors.values where actor.owner === resident { finish(actor) }
        }
        resident.process.main.exit()
        residents[resident.number] = nil
        resident.parent?.children[resident.number]?.status = status
        lastActor = nil
    }
}
