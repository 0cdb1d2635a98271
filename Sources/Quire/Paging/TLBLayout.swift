// Where the TLBs of a machine lie: one block of host memory that holds what all CPUs share and, for each CPU, its state,
// a probe for each size that an array may hold, the places of address spaces, and the arrays. Part of the unsafe floor.
//
//     tags' generation, lock │ TLBShared │ CPU 0: TLBState  probes  spaces  array, array, … │ CPU 1: …
//     array:  set, set, …, each as TLBSet.swift has it

/// What the TLBs of a machine have in common.
struct TLBShared {
    /// Bytes of a CPU's TLB, from its state on.
    var stride = 0
    var cpus = 0
    var levels = 0
    var arrayCount = 0
    var probeCount = 0
    var classCount = 0
    /// Address spaces that a CPU keeps translations of (x86-64), or tags of the machine (arm64).
    var tags: UInt32 = 0
    /// Invalidations reach every CPU by themselves (arm64).
    var broadcasts = false
    /// One invalidation may cover a range (arm64 FEAT_TLBIRANGE).
    var hasRanges = false
    /// Entries of a range beyond which its whole address space is flushed (x86-64).
    var ceiling: UInt64 = 33
    /// What is flushed before something takes the place of nothing, and what the processor cannot stand.
    var hooks = FlushHooks()
    var tolerance = TLBTolerance.any
    /// The next tag to give out; the tags' lock is held.
    var nextTag: UInt32 = 1
    var arrays = InlineArray<8, TLBArray>(repeating: TLBArray())
    /// log2 of the bytes of each class of translation.
    var shifts = InlineArray<8, UInt64>(repeating: 0)
    /// The probe for a class in an array, by array × 8 + class; −1 where the array does not hold it.
    var probeOf = InlineArray<64, Int8>(repeating: -1)
    /// The probe that takes a translation of a class at a level, by (level − 1) × 8 + class: −1 where none does.
    var targets = InlineArray<24, Int8>(repeating: -1)
    /// The class of a leaf of a page-table level, by level × 2 + (1 if folded).
    var leafClasses = InlineArray<10, Int8>(repeating: -1)
}

/// An array's place and shape.
struct TLBArray: BitwiseCopyable {
    var level = 0, sets = 0, ways = 0
    /// The keys of a set, and its bytes.
    var width = 0, setBytes = 0
    /// Bytes from the CPU's state to the first set.
    var offset = 0
}

/// What a CPU's TLB does now.
struct TLBState {
    /// The place of the space in the CPU's own list, and the next to take (x86-64).
    var nextPlace: UInt32 = 0, place: UInt32 = 0
    /// In parallel mode: held for an access or a flush. Not first: a change of any field counts as one of the first byte with the
    /// thread sanitizer, and those who wait look at the lock meanwhile.
    var lock: UInt32 = 0
    /// The address space that the CPU runs; 0 before the first.
    var space: UInt32 = 0
    /// Its tag, in the place that keys have it in.
    var tag: UInt64 = 0
    /// Walks that found a translation, and the entries they read, by class.
    var walks = InlineArray<8, UInt64>(repeating: 0)
    var references = InlineArray<8, UInt64>(repeating: 0)
}

/// A question to an array: is there a translation of this size? One for each size that it may hold.
struct TLBProbe {
    /// Translations of the size that are in the array now.
    var populated = 0
    var shift: UInt64 = 0
    /// The class, in the place that keys have it in.
    var classBits: UInt64 = 0
    var setMask: UInt64 = 0
    var setBytes = 0
    /// The keys of a set.
    var width = 0
    /// Bytes from the CPU's state to the first set.
    var sets = 0
    var level = 0
    var array = 0
    var hits: UInt64 = 0, misses: UInt64 = 0, evictions: UInt64 = 0, flushed: UInt64 = 0
}

/// An address space that a CPU has translations of, and the flush of it that they have seen (x86-64).
struct TLBPlace {
    var space: UInt32 = 0
    var generation: UInt64 = 0
}

/// The TLBs of a machine: a pointer to where they lie.
@safe struct TLBs: BitwiseCopyable, @unchecked Sendable {
    let shared: UnsafeMutablePointer<TLBShared>

    private static let wordBytes = 64
    private static let sharedBytes = (MemoryLayout<TLBShared>.stride + 127) & ~127
    private static let stateBytes = (MemoryLayout<TLBState>.stride + 15) & ~15

    /// The bytes that the TLBs of `cpus` CPUs need.
    static func bytes(_ geometry: TLBGeometry, tags: Int, cpus: Int) -> Int {
        wordBytes + sharedBytes + stride(geometry, tags) * cpus
    }

    private static func stride(_ geometry: TLBGeometry, _ tags: Int) -> Int {
        let probes = geometry.parts.count * 8 * MemoryLayout<TLBProbe>.stride
        let arrays = geometry.parts.reduce(0) { $0 + $1.sets * TLBSet.bytes(ways: $1.ways) }
        return (stateBytes + probes + tags * MemoryLayout<TLBPlace>.stride + arrays + 127) & ~127
    }

    init(shared: UnsafeMutablePointer<TLBShared>) { unsafe self.shared = shared }

    /// Sets the TLBs up in memory that reads as zero.
    init(_ state: RawState, _ geometry: TLBGeometry, _ format: PageTableFormat, tags: Int, ranges: Bool, cpus: Int) {
        unsafe shared = (state.tlbMemory + Self.wordBytes).bindMemory(to: TLBShared.self, capacity: 1)
        let sizes = TranslationSizes(format, geometry)
        var plan = TLBShared()
        plan.cpus = cpus
        plan.levels = geometry.levels
        plan.tags = UInt32(tags)
        plan.broadcasts = format.broadcastsInvalidations
        plan.hasRanges = ranges
        let places = plan.broadcasts ? 0 : tags
        plan.stride = Self.stride(geometry, places)
        plan.classCount = sizes.shifts.count
        for (number, shift) in sizes.shifts.enumerated() { plan.shifts[number] = shift }
        for level in 0..<format.levels where format.mayBeLeaf(level: level) {
            plan.leafClasses[level * 2] = Int8(sizes.number(format.translationShift(level: level, folded: false)))
            plan.leafClasses[level * 2 + 1] = Int8(sizes.number(format.translationShift(level: level, folded: true)))
        }
        let probes = Self.layOut(geometry, sizes, places, &plan)
        unsafe shared.initialize(to: plan)
        for cpu in 0..<cpus {
            let tlb = self[cpu]
            unsafe tlb.state.initialize(to: TLBState())
            for (number, probe) in probes.enumerated() { unsafe (tlb.probes + number).initialize(to: probe) }
            for array in 0..<plan.arrayCount { tlb.start(plan.arrays[array]) }
            for place in 0..<places { unsafe (tlb.places + place).initialize(to: TLBPlace()) }
        }
    }

    /// Places the arrays and makes the probes of a CPU, those of the first level first.
    private static func layOut(
        _ geometry: TLBGeometry, _ sizes: TranslationSizes, _ places: Int, _ plan: inout TLBShared
    ) -> [TLBProbe] {
        var probes: [TLBProbe] = []
        var offset =
            stateBytes + geometry.parts.count * 8 * MemoryLayout<TLBProbe>.stride
            + places * MemoryLayout<TLBPlace>.stride
        for (array, part) in geometry.parts.enumerated() {
            let (width, bytes) = (TLBSet.width(ways: part.ways), TLBSet.bytes(ways: part.ways))
            plan.arrays[array] = TLBArray(
                level: part.level, sets: part.sets, ways: part.ways, width: width, setBytes: bytes, offset: offset)
            for (number, shift) in sizes.shifts.enumerated() where part.holds(shift) {
                plan.probeOf[array * 8 + number] = Int8(probes.count)
                probes.append(
                    TLBProbe(
                        shift: shift, classBits: UInt64(number) << TLBKey.classShift, setMask: UInt64(part.sets - 1),
                        setBytes: bytes, width: width, sets: offset, level: part.level, array: array))
            }
            offset += part.sets * bytes
        }
        plan.arrayCount = geometry.parts.count
        plan.probeCount = probes.count
        for level in 1...plan.levels {
            var target: Int8 = -1
            for number in sizes.shifts.indices {
                for array in 0..<plan.arrayCount where plan.arrays[array].level == level {
                    if plan.probeOf[array * 8 + number] >= 0 { target = plan.probeOf[array * 8 + number] }
                }
                plan.targets[(level - 1) * 8 + number] = target
            }
        }
        return probes
    }

    /// The generation of the tags (arm64); 0 is none yet.
    var tagGeneration: Word64 { unsafe Word64(at: UnsafeMutableRawPointer(shared) - Self.wordBytes) }

    /// The lock under which tags are given out.
    var tagLock: Word32 { unsafe Word32(at: UnsafeMutableRawPointer(shared) - Self.wordBytes + 8) }

    /// The TLB of a CPU.
    @inline(__always) subscript(cpu: Int) -> TLB {
        unsafe TLB(
            shared: shared,
            state: (UnsafeMutableRawPointer(shared) + Self.sharedBytes + cpu &* shared.pointee.stride)
                .assumingMemoryBound(to: TLBState.self))
    }
}

extension TLB {
    /// Makes the lists of an array's sets.
    fileprivate func start(_ array: TLBArray) {
        for place in 0..<array.sets {
            unsafe TLBSet(
                base: UnsafeMutableRawPointer(state) + array.offset + place * array.setBytes, width: array.width
            ).start(ways: array.ways)
        }
    }

    /// The CPU's probes.
    @inline(__always) var probes: UnsafeMutablePointer<TLBProbe> {
        unsafe (UnsafeMutableRawPointer(state) + (MemoryLayout<TLBState>.stride + 15) & ~15)
            .assumingMemoryBound(to: TLBProbe.self)
    }

    /// The CPU's places for address spaces.
    @inline(__always) var places: UnsafeMutablePointer<TLBPlace> {
        unsafe (UnsafeMutableRawPointer(probes) + shared.pointee.arrayCount &* 8 &* MemoryLayout<TLBProbe>.stride)
            .assumingMemoryBound(to: TLBPlace.self)
    }
}
