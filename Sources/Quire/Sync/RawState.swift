// The host memory that a machine needs beside its frames and pools: the CPUs' records, their TLBs, and the few
// words that all of them share. Part of the unsafe floor: above it these are handles.

/// A machine's own block of host memory.
@safe struct RawState: BitwiseCopyable, @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let bytes: Int
    private let cpus: Int
    private let tlbBytes: Int
    /// The number of CPUs.
    var cpuCount: Int { cpus }

    private static let cpuStride = (MemoryLayout<CPUState>.stride + 127) & ~127

    /// Reserves the block; nil where the host has no room.
    init?(host: Host, cpus: Int, tlbBytes: Int) {
        let cpuBytes = (cpus * Self.cpuStride + 4095) & ~4095
        let bytes = 4096 + cpuBytes + ((tlbBytes + 4095) & ~4095)
        guard let base = unsafe host.reserve(bytes) else { return nil }
        unsafe self.base = base
        self.bytes = bytes
        self.cpus = cpus
        self.tlbBytes = tlbBytes
    }

    /// Sets the CPUs' records up.
    func start(mode: RunMode, environment: SyncEnvironment) {
        let bits = unsafe UInt(bitPattern: Unmanaged.passUnretained(environment).toOpaque())
        for index in 0..<cpus {
            var state = CPUState()
            state.mode = mode.rawValue
            state.index = UInt32(index)
            state.environment = bits
            unsafe (base + 4096 + index * Self.cpuStride).initializeMemory(as: CPUState.self, to: state)
        }
    }

    /// Lets every CPU hold nothing and be in no section, whatever it was in the middle of.
    func restart(mode: RunMode) {
        for index in 0..<cpus {
            let state = unsafe cpu(index).state
            unsafe state.pointee.mode = mode.rawValue
            unsafe state.pointee.heldCount = 0
            unsafe state.pointee.rcuNesting = 0
            unsafe state.pointee.spinDepth = 0
        }
    }

    /// The context of a CPU.
    func cpu(_ index: Int) -> CPU {
        precondition(index >= 0 && index < cpus, "no such CPU")
        return unsafe CPU((base + 4096 + index * Self.cpuStride).assumingMemoryBound(to: CPUState.self))
    }

    /// Pages promised to programs.
    var committed: Word64 { unsafe Word64(at: base) }

    /// The first frame of the huge zero page; 0 while there is none.
    var hugeZero: Word64 { unsafe Word64(at: base + 64) }

    /// How many address spaces khugepaged has learned of.
    var enrolments: Word64 { unsafe Word64(at: base + 128) }

    /// The memory of the TLBs.
    var tlbMemory: UnsafeMutableRawPointer {
        unsafe base + 4096 + ((cpus * Self.cpuStride + 4095) & ~4095)
    }

    /// The whole block.
    var extents: [Extent] { unsafe [Extent(base, bytes)] }

    /// Sets how the machine runs from now on, and what it leaves out where it is explored.
    func set(mode: RunMode, without omissions: Omissions = .none) {
        for index in 0..<cpus {
            unsafe cpu(index).state.pointee.mode = mode.rawValue
            unsafe omissions.apply(to: &cpu(index).state.pointee)
        }
    }

    /// Gives the block back.
    func release(to host: Host) { unsafe host.release(base, bytes) }
}
