// Pins, as a driver takes and drops them, and access to another process's memory, as a debugger makes it. The fast way is
// tried first; what it does not give comes the slow way. Linux: pin_user_pages_fast, unpin_user_pages, io_uring's fixed
// buffers, process_vm_readv.

/// A range that is pinned, until `unpin`.
public struct PinnedRange: Hashable, Sendable {
    /// The machine's number of it, from 1.
    public let handle: Int
    /// The number of its pages.
    public let pages: Int
}

extension Task {
    /// Pins the pages of [address, address + length) as a driver does that reads or writes them by itself: all of them
    /// or none. `flags` are FOLL_WRITE, FOLL_LONGTERM, FOLL_FORCE, …; FOLL_GET instead takes plain references, which
    /// promise nothing. Throws EINVAL for flags that are not the caller's to pass and for an empty range, EOVERFLOW
    /// beyond the last address, EFAULT where nothing is mapped or the rights do not allow it, EOPNOTSUPP for FOLL_LONGTERM
    /// of a DAX file, EAGAIN where FOLL_NOWAIT would have to wait, ENOMEM. O(pages). The pin ends with its process.
    /// With `fastOnly` what cannot be had without a lock is EFAULT (FOLL_FAST_ONLY, which a driver has no other way to ask for).
    public func pinPages(
        _ address: UInt64, _ length: UInt64, _ flags: FollowFlags, fastOnly: Bool = false
    ) throws(Errno) -> PinnedRange {
        defer { machine.afterCall(cpu) }
        let given = flags.subtracting([.get, .pin])
        let isFast = given.isSubset(of: FollowEntry.fastFlags)
        let entry: FollowEntry =
            flags.contains(.get) ? (isFast ? .getFast : .getUnlocked) : (isFast ? .pinFast : .pinUnlocked)
        guard !flags.contains([.get, .pin]), let checked = entry.checked(given) else { throw .EINVAL }
        guard length != 0 else { throw .EINVAL }
        let last = address &+ length
        guard last >= address, last &+ Page.offsetMask >= address else {
            // A range of user memory is looked at before its pages are (access_ok).
            throw checked.contains(.get) ? .EFAULT : .EOVERFLOW
        }
        guard last <= space.tables.format.userEnd else { throw .EFAULT }
        let start = Page.floor(address)
        let count = Int((Page.ceiling(last) - start) >> Page.shift)
        var pin = PinUnderWay(task: self, flags: fastOnly ? checked.union(.fastOnly) : checked)
        do throws(Errno) {
            try pin.take(start, count)
        } catch {
            pin.giveBack()
            throw error
        }
        let accounted = checked.contains(.longTerm) ? space.pagesToAccount(cpu, pin.first) : 0
        space.countPinned(cpu, pages: Int64(accounted))
        let made = Pin(pid: process.pid, first: pin.first, space: space, accounted: accounted)
        return PinnedRange(handle: machine.addPin(cpu, made), pages: count)
    }

    /// Drops a pin. Throws EINVAL for a handle that is none.
    public func unpin(_ handle: Int) throws(Errno) {
        defer { machine.afterCall(cpu) }
        guard let pin = machine.takePin(cpu, handle) else { throw .EINVAL }
        machine.core.uncount(cpu, pin)
        machine.core.dropPin(cpu, pin.first)
    }

    /// The process's own pins go: it ends, or becomes another program.
    func dropPins() {
        for handle in machine.pins(cpu, of: process.pid) { try? unpin(handle) }
    }

    /// Reads another process's memory (or this one's) whatever its rights: the bytes that could be had.
    public func readMemory(of other: Process, _ address: UInt64, _ count: UInt64, force: Bool = true) -> [UInt8] {
        var bytes: [UInt8] = []
        _ = other.space.accessRemote(cpu, address, count, force ? .force : []) { frame, offset, count in
            for place in offset..<(offset + count) { bytes.append(other.space.memory.byte(cpu, frame, offset: place)) }
        }
        return bytes
    }

    /// Writes another process's memory (or this one's) whatever its rights: how many bytes were written.
    public func writeMemory(of other: Process, _ address: UInt64, _ bytes: [UInt8], force: Bool = true) -> Int {
        var done = 0
        let flags: FollowFlags = force ? [.write, .force] : .write
        let count = other.space.accessRemote(cpu, address, UInt64(bytes.count), flags) { frame, offset, count in
            let memory = other.space.memory
            for place in 0..<count { memory.setByte(cpu, frame, offset: offset + place, bytes[done + place]) }
            done += count
        }
        return Int(count)
    }
}

/// A pin while its pages are taken, first the fast way and then the slow, some hundred at a time.
private struct PinUnderWay {
    let task: Task
    let flags: FollowFlags
    private(set) var first = Handle<PinRecord>.none
    private var pages = 0

    private static let batch = 512

    init(task: Task, flags: FollowFlags) {
        self.task = task
        self.flags = flags
    }

    /// Takes all pages, or throws: part of a buffer is of no use to a device.
    mutating func take(_ start: UInt64, _ count: Int) throws(Errno) {
        while pages < count {
            let wanted = Swift.min(count - pages, Self.batch)
            let got: Int
            do throws(Errno) {
                got = try takeSome(start &+ UInt64(pages) << Page.shift, wanted)
            } catch {
                throw pages == 0 || error == .ENOMEM ? error : .EFAULT
            }
            pages += got
            if got < wanted { throw flags.contains(.noWait) ? .EAGAIN : .EFAULT }
        }
    }

    private mutating func takeSome(_ start: UInt64, _ count: Int) throws(Errno) -> Int {
        let (space, cpu) = (task.space, task.cpu)
        try note(start, count)
        // Without a lock nothing can be noted: frames are collected, and noted afterwards.
        var frames: [FrameNumber] = []
        frames.reserveCapacity(count)
        defer { space.core.setFrames(cpu, of: first, frames) }
        var got = space.followFast(cpu, start, count: count, flags) { _, frame in
            frames.append(frame)
        } undo: {
            for frame in frames { space.memory.ungrab(cpu, frame, flags) }
            frames.removeAll()
        }
        guard got < count, !flags.contains(.fastOnly) else { return got }
        space.mmapLock.readLock(cpu)
        defer { space.mmapLock.readUnlock(cpu) }
        let slow = flags.union([.touch, .unlockable])
        do throws(Errno) {
            got += try space.followPages(cpu, start &+ UInt64(got) << Page.shift, count: count - got, slow) {
                _, frame in
                frames.append(frame)
            }
        } catch {
            if got == 0 { throw error }
        }
        return got
    }

    /// Notes pages that are about to be taken, in front of those noted before: the lowest is the first of them.
    private mutating func note(_ start: UInt64, _ count: Int) throws(Errno) {
        for place in (0..<count).reversed() {
            var record = PinRecord(
                flags: flags, space: task.space.number, address: start &+ UInt64(place) << Page.shift)
            record.next = first.index
            guard let made = task.machine.core.notePin(task.cpu, record) else { throw .ENOMEM }
            first = made
        }
    }

    mutating func giveBack() {
        task.machine.core.dropPin(task.cpu, first)
        first = .none
    }
}

extension MachineCore {
    /// Forgets all pages of a pin and gives back what was taken of them.
    func dropPin(_ cpu: CPU, _ first: Handle<PinRecord>) {
        var at = first
        while !at.isNone {
            let record = forgetPin(cpu, at)
            if !record.frame.isNone { memory.ungrab(cpu, record.frame, record.flags) }
            at = pins.handle(at: record.next)
        }
    }
}

extension AddressSpace {
    /// What a new pin adds to VmPin: small pages one by one, a large folio as a whole, once for all pins of it, however
    /// few of its pages they are (io_buffer_account_pin).
    func pagesToAccount(_ cpu: CPU, _ first: Handle<PinRecord>) -> UInt64 {
        var pages: UInt64 = 0
        var last = FrameNumber.none
        var at = first
        while !at.isNone {
            let head = memory.head(cpu, core.pins[at].frame)
            if !memory.isLarge(cpu, head) {
                pages += 1
            } else if head != last, !isPinned(cpu, head, between: first, and: at),
                !core.isAccounted(cpu, head, in: number, otherThan: first)
            {
                pages += UInt64(1) << UInt64(memory.order(cpu, head))
            }
            last = head
            at = core.pins.handle(at: core.pins[at].next)
        }
        return pages
    }

    private func isPinned(
        _ cpu: CPU, _ head: FrameNumber, between first: Handle<PinRecord>, and end: Handle<PinRecord>
    ) -> Bool {
        var at = first
        while at != end {
            if memory.head(cpu, core.pins[at].frame) == head { return true }
            at = core.pins.handle(at: core.pins[at].next)
        }
        return false
    }
}
