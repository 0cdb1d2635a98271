// Who has pinned what: a record for each page of each pin, so that a handle can be given back and INV-PIN be checked: a
// page that was pinned stays the page that is mapped there until its own process discards it. A process discards by
// unmapping, MADV_DONTNEED and the like, or by moving elsewhere (then the promise moves along). A record is noted before its
// page is taken, so that whoever discards meanwhile finds it. All records are guarded by the `pins` lock.

/// What a handle stands for. It belongs to the process that took it and ends with that process, or its execve.
struct Pin {
    let pid: Int
    let first: Handle<PinRecord>
    /// The address space through which it was pinned, even where it has ended since.
    let space: AddressSpace
    /// Pages that were added to VmPin.
    let accounted: UInt64
}

/// One page of a pin.
struct PinRecord: BitwiseCopyable {
    /// None while the page is being taken.
    var frame = FrameNumber.none
    var flags: FollowFlags
    /// The address space and address through which it was pinned; space 0: it has ended.
    var space: UInt32
    var address: UInt64
    /// The process no longer maps it there, by its own doing: the promise has ended.
    var isDiscarded = false
    /// The next page of the same pin.
    var next: UInt32 = 0
    /// Neighbours in the list of all records.
    var nextOfAll: UInt32 = 0
    var previousOfAll: UInt32 = 0
}

/// The list of all records.
struct PinList: BitwiseCopyable {
    /// The lock word.
    var lock: UInt32 = 0
    var first: UInt32 = 0
}

extension MachineCore {
    /// Whether anything is pinned at all: what most paths ask.
    @inline(__always) var hasPins: Bool { pins.used != 0 }

    /// Notes a page of a pin; nil where memory is used up.
    func notePin(_ cpu: CPU, _ record: PinRecord) -> Handle<PinRecord>? {
        guard let made = pins.allocate(cpu, record) else { return nil }
        pinsLock.lock(cpu)
        defer { pinsLock.unlock(cpu) }
        pins[made].nextOfAll = firstPin
        if firstPin != 0 { pins[pins.handle(at: firstPin)].previousOfAll = made.index }
        firstPin = made.index
        return made
    }

    /// Tells the records of a pin, from `first` on, which pages were taken.
    func setFrames(_ cpu: CPU, of first: Handle<PinRecord>, _ frames: [FrameNumber]) {
        pinsLock.lock(cpu)
        defer { pinsLock.unlock(cpu) }
        var at = first
        for frame in frames {
            pins[at].frame = frame
            at = pins.handle(at: pins[at].next)
        }
    }

    /// Forgets a page of a pin and returns what was noted of it.
    func forgetPin(_ cpu: CPU, _ handle: Handle<PinRecord>) -> PinRecord {
        pinsLock.lock(cpu)
        defer { pinsLock.unlock(cpu) }
        let record = pins[handle]
        if record.previousOfAll == 0 {
            firstPin = record.nextOfAll
        } else {
            pins[pins.handle(at: record.previousOfAll)].nextOfAll = record.nextOfAll
        }
        if record.nextOfAll != 0 { pins[pins.handle(at: record.nextOfAll)].previousOfAll = record.previousOfAll }
        pins.free(cpu, handle)
        return record
    }

    /// Takes a pin out of its address space's count of pinned pages, if the space has not ended.
    func uncount(_ cpu: CPU, _ pin: Pin) {
        guard pin.accounted > 0 else { return }
        pinsLock.lock(cpu)
        defer { pinsLock.unlock(cpu) }
        if pins[pin.first].space != 0 { pin.space.countPinned(cpu, pages: -Int64(pin.accounted)) }
    }

    /// An address space has ended, and its number may become another's: what it pinned is nobody's from now on.
    func orphanPins(_ cpu: CPU, of space: UInt32) {
        eachPin(cpu) { handle in if pins[handle].space == space { pins[handle].space = 0 } }
    }

    /// Whether pages of a folio are pinned for long through an address space by others than the `ownCount` records of
    /// `own`, so that they are in VmPin already.
    func isAccounted(_ cpu: CPU, _ head: FrameNumber, in space: UInt32, otherThan own: Handle<PinRecord>) -> Bool {
        var mine: UInt32 = 0
        var at = own
        while !at.isNone {
            if memory.head(cpu, pins[at].frame) == head { mine += 1 }
            at = pins.handle(at: pins[at].next)
        }
        if memory.pins(head).load(cpu, .refcount) == mine { return false }
        var all: UInt32 = 0
        eachPin(cpu) { handle in
            let record = pins[handle]
            // Another CPU's pin may be noted and have no page yet.
            guard record.space == space, record.flags.contains(.longTerm), !record.frame.isNone,
                memory.head(cpu, record.frame) == head
            else { return }
            all += 1
        }
        return all > mine
    }

    private func eachPin(_ cpu: CPU, _ body: (Handle<PinRecord>) -> Void) {
        pinsLock.lock(cpu)
        defer { pinsLock.unlock(cpu) }
        var at = firstPin
        while at != 0 {
            let handle = pins.handle(at: at)
            at = pins[handle].nextOfAll
            body(handle)
        }
    }
}

extension AddressSpace {
    /// The process has given up what it mapped in [start, end): promises about it end. After the entries are gone: until then
    /// somebody may take a page without a lock, and who is about to has noted it.
    func discardPins(_ cpu: CPU, _ start: UInt64, _ end: UInt64) {
        guard core.hasPins else { return }
        core.eachPinOf(cpu, number, start, end) { handle in
            let frame = core.pins[handle].frame
            if frame.isNone || mappedFrame(cpu, core.pins[handle].address) != frame {
                core.pins[handle].isDiscarded = true
            }
        }
    }

    /// The process moves what it maps: promises move along.
    func movePins(_ cpu: CPU, from: UInt64, to: UInt64, length: UInt64) {
        guard core.hasPins else { return }
        core.eachPinOf(cpu, number, from, from + length) { handle in
            core.pins[handle].address = core.pins[handle].address - from + to
        }
    }

    /// Traps where an anonymous page that was pinned is no longer what is mapped there though nobody discarded it (INV-PIN).
    /// The zero page and a file's pages are nobody's own: a write to a private mapping replaces them, pinned or not, unless
    /// FOLL_LONGTERM asked for a page that stays, and then the page is anonymous.
    func checkPins(_ cpu: CPU) {
        guard core.hasPins else { return }
        core.eachPinOf(cpu, number, 0, .max) { handle in
            let record = core.pins[handle]
            guard record.flags.contains(.pin), !record.frame.isNone else { return }
            let kind = memory.kind(cpu, record.frame)
            cpu.require(kind != .free, "a pinned page was given back")
            guard kind == .anonymous || kind == .tail else { return }
            let frame = mappedFrame(cpu, record.address)
            cpu.require(frame == record.frame, "a pinned page was replaced where it was mapped")
            cpu.require(isExclusive(cpu, record.frame), "a pinned anonymous page may be shared")
        }
    }

    /// The frame that an entry of whatever size maps at an address; none where there is none.
    func mappedFrame(_ cpu: CPU, _ address: UInt64) -> FrameNumber {
        let format = tables.format
        let number = format.index(address, level: 0)
        if let leaf = tables.leaf(cpu, address) { return memory.page(format.frame(leaf.entry), number) }
        let table = tables.table(cpu, address, level: 0)
        guard !table.isNone else { return .none }
        let entry = tables.load(cpu, table, number)
        return format.isPresent(entry) ? format.frame(entry) : .none
    }

    /// Whether an anonymous page belongs to one mapping alone: its own flag, or its folio's where a leaf maps it.
    func isExclusive(_ cpu: CPU, _ frame: FrameNumber) -> Bool {
        if memory.has(cpu, frame, FrameFlags.anonExclusive) { return true }
        let head = memory.head(cpu, frame)
        return memory.wholeMappings(cpu, head) > 0 && memory.has(cpu, head, FrameFlags.anonExclusive)
    }
}

extension MachineCore {
    /// The records of an address space in a range for which the promise still holds.
    fileprivate func eachPinOf(
        _ cpu: CPU, _ space: UInt32, _ start: UInt64, _ end: UInt64, _ body: (Handle<PinRecord>) -> Void
    ) {
        eachPin(cpu) { handle in
            let record = pins[handle]
            guard record.space == space, !record.isDiscarded else { return }
            if record.address >= start, record.address < end { body(handle) }
        }
    }
}
