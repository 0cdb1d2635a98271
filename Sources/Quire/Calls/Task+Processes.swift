// Processes come and go: fork, vfork, execve, exit. Linux: copy_process, begin_new_exec, exit_mm.

extension Task {
    /// fork: a process with a copy of the address space. Throws ENOMEM.
    public func fork(pid: Int) throws(Errno) -> Process {
        defer { afterCall() }
        guard machine.process(pid) == nil else { throw .EEXIST }
        let copy = try machine.makeSpace(cpu)
        do throws(Errno) {
            try space.copy(cpu, into: copy)
        } catch {
            machine.release(cpu, copy)
            throw error
        }
        return child(pid, copy)
    }

    /// vfork: a process that borrows the address space until it calls execve or exits.
    public func vfork(pid: Int) throws(Errno) -> Process {
        guard machine.process(pid) == nil else { throw .EEXIST }
        space.users += 1
        let made = child(pid, space)
        made.borrowsAddressSpace = true
        made.lender = process
        process.borrowers.append(made)
        made.foreignFaults = (space.count(SpaceCounter.minorFaults), space.count(SpaceCounter.majorFaults))
        return made
    }

    private func child(_ pid: Int, _ space: AddressSpace) -> Process {
        // It begins where its parent runs (wake_up_new_task would look for an idle CPU).
        let made = Process(pid: pid, machine: machine, space: space, cpu: cpu.index)
        made.descriptors = process.descriptors
        made.main.policy = policy
        for descriptor in made.descriptors.values { machine.core.hold(cpu, descriptor) }
        return machine.register(made)
    }

    /// pidfd_open: a descriptor of a process. `process` is the one of that number, also if it has ended and nobody has
    /// waited for it; nil if there is none. Throws EINVAL or ESRCH.
    public func pidfdOpen(
        _ pid: Int, _ process: Process?, flags: UInt64, descriptor: Int? = nil
    ) throws(Errno) -> Int {
        guard flags & ~0x880 == 0, pid > 0 else { throw .EINVAL }
        guard let process else { throw .ESRCH }
        return install(Descriptor(.process(process), canRead: true, canWrite: true), at: descriptor)
    }

    /// execve: an empty address space in place of the old one. The task is over; go on with `process.main`.
    public func execve() throws(Errno) {
        defer { afterCall() }
        let fresh = try machine.makeSpace(cpu)
        let old = space
        fresh.numbers.limits = old.numbers.limits
        fresh.numbers.mergesAll = old.numbers.mergesAll
        fresh.numbers.hugeDisabled = old.numbers.hugeDisabled
        let own = process.faults
        process.returnLoan()
        process.replaceSpace(fresh)
        // The counts go on.
        process.foreignFaults = (-own.minor, -own.major)
        machine.release(cpu, old)
        dropPins()
    }

    /// exit_group: the process ends; its address space and descriptors go.
    public func exit() {
        guard !process.hasExited else { return }
        process.hasExited = true
        process.returnLoan()
        machine.release(cpu, space)
        dropPins()
        for descriptor in process.descriptors.values { machine.core.release(cpu, descriptor) }
        process.descriptors = [:]
        machine.unregister(process)
        afterCall()
    }
}
