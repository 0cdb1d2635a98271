// Reading and writing another process's memory as a debugger does: page by page, by force where asked, as far as it
// goes. Linux: access_remote_vm, __access_remote_vm, process_vm_rw.

extension AddressSpace {
    /// One page of this address space for a moment, from whatever process: never nothing, since no wait is refused
    /// (get_user_page_vma_remote). Throws EFAULT or ENOMEM; EINVAL for FOLL_NOWAIT, which it forbids. The caller drops
    /// the reference. The mmap lock is held for read.
    func remotePage(_ cpu: CPU, _ address: UInt64, _ flags: FollowFlags) throws(Errno) -> FrameNumber {
        guard !flags.contains(.noWait), let checked = FollowEntry.getRemote.checked(flags) else { throw .EINVAL }
        guard case .page(let frame) = try followOne(cpu, Page.floor(address), checked) else {
            preconditionFailure("a page that may be waited for is blocked")
        }
        return frame
    }

    /// Runs `body` on the pieces of [address, address + count) that can be had; returns the bytes done.
    func accessRemote(
        _ cpu: CPU, _ address: UInt64, _ count: UInt64, _ flags: FollowFlags,
        _ body: (FrameNumber, Int, Int) -> Void
    ) -> UInt64 {
        mmapLock.readLock(cpu)
        defer { mmapLock.readUnlock(cpu) }
        var done: UInt64 = 0
        while done < count {
            let at = address &+ done
            guard let frame = try? remotePage(cpu, at, flags) else { return done }
            let offset = at & Page.offsetMask
            let bytes = Swift.min(count - done, Page.size - offset)
            body(frame, Int(offset), Int(bytes))
            memory.ungrab(cpu, frame, .get)
            done += bytes
        }
        return done
    }
}
