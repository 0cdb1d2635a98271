// The seam between the memory manager and whoever schedules it. Each lock, word, RCU, wait and flush operation
// calls `schedulePoint` first; where the machine is explored, that hands control to the machine's `ScheduleHook`.
// The one `#if` of the project stands here: building with QUIRE_NO_SEAM removes the seam, to measure what it costs.

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
}

extension SyncEvent {
    /// Whether the operation could go through this moment: a blocking acquisition asks for its lock to be free, by what the
    /// word reads; everything else always can.
    public var canProceed: Bool {
        guard kind == .lock || kind == .readLock,
            let word = unsafe UnsafePointer<UInt32>(bitPattern: UInt(truncatingIfNeeded: object))
        else { return true }
        let value = unsafe word.pointee
        return kind == .lock ? value == 0 : value & RWSemaphore.writerBit == 0
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
    /// Makes a hook.
    public init() {}
    /// An operation is about to happen on `cpu`.
    open func point(_ event: SyncEvent, on cpu: CPU) {}
    /// `cpu` cannot go on until somebody changes the word (a lock is taken, a grace period is open).
    open func blocked(_ event: SyncEvent, on cpu: CPU) {}
}

/// Announces an operation to the machine's scheduler, where there is one.
@inline(__always)
func schedulePoint(
    _ cpu: CPU, _ kind: EventKind, _ object: UnsafeRawPointer, _ order: MemoryOrder, _ name: SyncName
) {
    if cpu.isExplored { unsafe announce(cpu, kind, object, order, name) }
}

extension CPU {
    /// Whether a controlled scheduler runs the machine: the one read that the seam costs.
    @inline(__always) var isExplored: Bool {
        #if QUIRE_NO_SEAM
            false
        #else
            unsafe state.pointee.mode == RunMode.explored.rawValue
        #endif
    }
}

@inline(never)
private func announce(
    _ cpu: CPU, _ kind: EventKind, _ object: UnsafeRawPointer, _ order: MemoryOrder, _ name: SyncName
) {
    let event = SyncEvent(kind: kind, name: name, order: order, object: UInt64(UInt(bitPattern: object)))
    // The machine keeps both: counting references at every operation took half of an exploration's time.
    let environment = unsafe Unmanaged<SyncEnvironment>.fromOpaque(cpu.environmentPointer)
    unsafe environment._withUnsafeGuaranteedRef { environment in
        guard let hook = environment.borrowedHook else { return }
        unsafe hook._withUnsafeGuaranteedRef { $0.point(event, on: cpu) }
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
