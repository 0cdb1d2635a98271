// The seam between the memory manager and whoever schedules it. Each lock, word, RCU, wait and flush operation
// calls `schedulePoint` first; where the machine is explored, that hands control to the machine's `ScheduleHook`.
// Building with QUIRE_NO_SEAM removes the seam (CPU.swift), to measure what it costs.

/// One operation about to happen.
public struct SyncEvent: BitwiseCopyable, Sendable {
    /// What is about to happen.
    public var kind: EventKind
    /// The lock class or accessor.
    public var name: SyncName
    /// The ordering that the operation asks for.
    public var order: MemoryOrder
    /// The address of the word, as the machine sees it (stable within a run).
    public var object: UInt64
    /// Of a blocking acquisition: the bits of the word that must be clear for it to go through.
    public var blockers: UInt32 = 0

    public init(kind: EventKind, name: SyncName, order: MemoryOrder, object: UInt64, blockers: UInt32 = 0) {
        self.kind = kind
        self.name = name
        self.order = order
        self.object = object
        self.blockers = blockers
    }
}

extension SyncEvent {
    /// Whether the operation could go through this moment: a blocking acquisition asks for its lock to be free, by what the
    /// word reads; everything else always can.
    public var canProceed: Bool {
        guard blockers != 0, let word else { return true }
        return word & blockers == 0
    }

    /// What the lower half of the object reads now.
    public var word: UInt32? {
        unsafe UnsafePointer<UInt32>(bitPattern: UInt(truncatingIfNeeded: object))?.pointee
    }

    /// Whether the operation changes its object, so that its order with another one's matters.
    public var changes: Bool {
        switch kind {
        case .load, .wait, .gracePeriod: false
        default: true
        }
    }
}

/// A controlled scheduler, as `Sync` sees it. Subclasses switch to another simulated CPU inside these calls.
open class ScheduleHook {
    /// Whether it keeps stores; else it is not asked.
    public final let hasStoreBuffers: Bool

    /// Makes a hook.
    public init(hasStoreBuffers: Bool = false) { self.hasStoreBuffers = hasStoreBuffers }
    /// An operation is about to happen on `cpu`.
    open func point(_ event: SyncEvent, on cpu: CPU) {}
    /// `cpu` cannot go on until somebody changes the word (a lock is taken, a grace period is open).
    open func blocked(_ event: SyncEvent, on cpu: CPU) {}
    /// `cpu` looks at the word once more and, where it is what was expected, sleeps until somebody wakes those who sleep on it;
    /// nil: whatever it is.
    open func sleeps(on event: SyncEvent, while expected: UInt32?, on cpu: CPU) {}
    /// Whether something happens that may happen or not.
    open func happens(_ chance: Chance, on cpu: CPU) -> Bool { false }
    /// Something worth telling that is no operation.
    open func noted(_ note: SyncNote, on cpu: CPU) {}
    /// Something is broken; must not return.
    open func violated(_ text: String, on cpu: CPU) -> Never { fatalError(text) }
    /// A plain store is about to happen: true where the hook keeps it in the CPU's store buffer, to happen later.
    open func keepsStore(_ store: BufferedStore, on cpu: CPU) -> Bool { false }
    /// What a load of `size` bytes reads, where a store of the CPU to the same place waits in its buffer.
    open func bufferedValue(_ address: UInt64, size: UInt8, on cpu: CPU) -> UInt64? { nil }
    /// `cpu` interrupts another one, which finishes its stores before it answers.
    open func interrupted(_ other: Int, by cpu: CPU) {}
}

/// A store that waits in a CPU's store buffer. Part of the unsafe floor: `perform` writes to raw memory.
public struct BufferedStore: BitwiseCopyable, Sendable {
    /// Where, in the host's memory: aligned to `size`.
    public let address: UInt64
    public let value: UInt64
    /// 1, 2, 4 or 8 bytes.
    public let size: UInt8
    /// What the word is.
    public let name: SyncName
    /// Whether it opens a lock.
    public var kind = EventKind.store

    /// Lets it happen.
    public func perform() {
        let place = unsafe UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: address))!
        switch size {
        case 1: unsafe place.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
        case 2: unsafe place.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
        case 4: unsafe place.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
        default: unsafe place.storeBytes(of: value, as: UInt64.self)
        }
    }
}

/// Announces an operation to the machine's scheduler, where there is one.
@inline(__always)
func schedulePoint(
    _ cpu: CPU, _ kind: EventKind, _ object: UnsafeRawPointer, _ order: MemoryOrder, _ name: SyncName
) {
    if cpu.isExplored { unsafe announce(cpu, kind, object, order, name) }
}

/// Announces an operation on a lock, which goes through when the word has none of the bits `blockers`. False: the explorer has
/// turned the class off, and the caller does nothing.
@inline(__always)
func lockPoint(
    _ cpu: CPU, _ kind: EventKind, _ object: UnsafeRawPointer, _ order: MemoryOrder, _ name: SyncName,
    blockers: UInt32 = 0
) -> Bool {
    guard cpu.isExplored else { return true }
    return unsafe announceLock(cpu, kind, object, order, name, blockers)
}

@inline(never)
private func announceLock(
    _ cpu: CPU, _ kind: EventKind, _ object: UnsafeRawPointer, _ order: MemoryOrder, _ name: SyncName,
    _ blockers: UInt32
) -> Bool {
    if cpu.opens(name) { return true }
    let isOff = cpu.isAblated(name)
    unsafe announce(cpu, kind, object, order, name, isOff ? 0 : blockers)
    return !isOff
}

/// Announces a plain store; true: the explorer keeps it in the CPU's store buffer, else the caller does it now.
@inline(never)
func announceStore(
    _ cpu: CPU, _ object: UnsafeRawPointer, _ value: UInt64, size: UInt8, _ order: MemoryOrder, _ name: SyncName,
    kind: EventKind = .store
) -> Bool {
    if unsafe bufferStore(cpu, object, value, size: size, name, kind: kind) { return true }
    unsafe announce(cpu, kind, object, order, name)
    return false
}

/// Puts a store into the CPU's store buffer without announcing it; false: there is none.
@inline(__always)
func bufferStore(
    _ cpu: CPU, _ object: UnsafeRawPointer, _ value: UInt64, size: UInt8, _ name: SyncName, kind: EventKind = .store
) -> Bool {
    let address = UInt64(UInt(bitPattern: object))
    let store = BufferedStore(address: address, value: value, size: size, name: name, kind: kind)
    return cpu.askHook { $0.hasStoreBuffers && $0.keepsStore(store, on: cpu) } ?? false
}

/// Announces a load: what it reads out of the CPU's own store buffer, nil where it reads what memory has.
@inline(never)
func announceLoad(
    _ cpu: CPU, _ object: UnsafeRawPointer, size: UInt8, _ order: MemoryOrder, _ name: SyncName
) -> UInt64? {
    unsafe announce(cpu, .load, object, order, name)
    return unsafe loadBuffered(cpu, object, size: size)
}

/// What the CPU's own store buffer has for a place; nil where memory has the latest.
@inline(__always)
func loadBuffered(_ cpu: CPU, _ object: UnsafeRawPointer, size: UInt8) -> UInt64? {
    cpu.askHook {
        $0.hasStoreBuffers ? $0.bufferedValue(UInt64(UInt(bitPattern: object)), size: size, on: cpu) : nil
    } ?? nil
}

@inline(never)
private func announce(
    _ cpu: CPU, _ kind: EventKind, _ object: UnsafeRawPointer, _ order: MemoryOrder, _ name: SyncName,
    _ blockers: UInt32 = 0
) {
    let event = SyncEvent(
        kind: kind, name: name, order: order, object: UInt64(UInt(bitPattern: object)), blockers: blockers)
    _ = cpu.askHook { $0.point(event, on: cpu) }
}

extension CPU {
    /// Calls the hook; nil where there is none. The machine keeps both: counting references at every operation took half of
    /// an exploration's time.
    @inline(__always)
    fileprivate func askHook<Answer>(_ body: (ScheduleHook) -> Answer) -> Answer? {
        let environment = unsafe Unmanaged<SyncEnvironment>.fromOpaque(environmentPointer)
        return unsafe environment._withUnsafeGuaranteedRef { environment in
            guard let hook = environment.borrowedHook else { return nil }
            return unsafe hook._withUnsafeGuaranteedRef { body($0) }
        }
    }
}

/// What the CPUs of one machine share below the memory manager: the host, and the scheduler where it is explored.
@safe final class SyncEnvironment {
    let host: Host
    var hook: ScheduleHook? {
        didSet { borrowedHook = unsafe hook.map { unsafe Unmanaged.passUnretained($0) } }
    }
    /// The same without a count: whoever sets a hook keeps it until no operation is under way.
    @safe fileprivate var borrowedHook: Unmanaged<ScheduleHook>?

    init(host: Host) { self.host = host }
}

extension CPU {
    fileprivate var environmentPointer: UnsafeRawPointer {
        unsafe UnsafeRawPointer(bitPattern: state.pointee.environment)!
    }

    var environment: SyncEnvironment {
        unsafe Unmanaged<SyncEnvironment>.fromOpaque(environmentPointer).takeUnretainedValue()
    }

    /// Sleeps while the word has a value, until somebody wakes those who sleep on it (FUTEX_WAIT).
    @inline(never)
    func sleep(on object: UnsafeMutableRawPointer, while value: UInt32, _ name: SyncName) {
        guard mode == .explored else {
            return unsafe environment.host.park(object.assumingMemoryBound(to: UInt32.self), value)
        }
        let event = SyncEvent(kind: .load, name: name, order: .acquire, object: UInt64(UInt(bitPattern: object)))
        environment.hook?.sleeps(on: event, while: lacks(.lookBeforeSleeping) ? nil : value, on: self)
    }

    /// Wakes those who sleep on a word (FUTEX_WAKE).
    @inline(never)
    func wake(_ object: UnsafeMutableRawPointer, _ name: SyncName) {
        if lacks(.wakeOfSleepers) { return }
        unsafe schedulePoint(self, .wake, object, .release, name)
        if mode == .parallel { unsafe environment.host.unpark(object.assumingMemoryBound(to: UInt32.self), .max) }
    }

    /// Waits a moment for another CPU to change the word: a spin where threads are real, a switch where explored.
    @inline(never)
    func spinOnce(_ object: UnsafeRawPointer, _ name: SyncName, turn: Int) {
        count(.lockContended, turn == 0 ? 1 : 0)
        if mode == .explored {
            let event = SyncEvent(
                kind: .wait, name: name, order: .acquire, object: UInt64(UInt(bitPattern: object)))
            environment.hook?.blocked(event, on: self)
        } else if turn & 63 == 63 {
            environment.host.relax()
        }
    }
}
