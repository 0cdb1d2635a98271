// What few areas have: a name, a memory policy, a userfaultfd. It stands in a record beside the area, shared by the
// pieces of a split area and by a fork's copies and never changed while it is shared, so that an area that has none of
// it (nearly all) costs one word, and telling two such areas apart is one comparison. Neighbour: Modify.swift.
// Linux: vm_area_struct's anon_name, vm_policy and vm_userfaultfd_ctx.

/// Where an area's pages are to come from (mempolicy). The model has one node, number 0.
struct MemoryPolicy: BitwiseCopyable, Equatable {
    /// MPOL_DEFAULT 0, MPOL_PREFERRED 1, MPOL_BIND 2, MPOL_INTERLEAVE 3, MPOL_LOCAL 4, MPOL_PREFERRED_MANY 5,
    /// MPOL_WEIGHTED_INTERLEAVE 6.
    var mode: UInt8 = 0
    /// MPOL_F_STATIC_NODES and its like, in the upper bits of the call's mode.
    var flags: UInt16 = 0
    /// The nodes: as the caller gave them where the flags keep that, else those there are.
    var nodes: UInt64 = 0

    /// No policy: the task's, or the nearest node.
    static var none: MemoryPolicy { MemoryPolicy() }
}

/// The record.
struct AreaExtras: BitwiseCopyable {
    /// Areas that have it, plus who is about to give it to one.
    var references: UInt32 = 1
    /// A name, as an index of the machine's strings; 0 is none. One in brackets is the kernel's own (`[stack]`), which
    /// a program cannot give.
    var name: UInt32 = 0
    var policy = MemoryPolicy.none
    var userfault: Handle<UserfaultContext> = .none

    /// Whether there is nothing in it.
    var isEmpty: Bool { name == 0 && policy == .none && userfault.isNone }
}

extension MachineCore {
    /// What an area has; all defaults where it has nothing.
    func extras(_ number: UInt32) -> AreaExtras {
        number == 0 ? AreaExtras() : extrasPool[extrasPool.handle(at: number)]
    }

    /// Makes a record; 0 for one with nothing in it. The reference is the caller's. Throws ENOMEM.
    func makeExtras(_ cpu: CPU, _ value: AreaExtras) throws(Errno) -> UInt32 {
        if value.isEmpty { return 0 }
        var record = value
        record.references = 1
        guard let made = extrasPool.allocate(cpu, record) else { throw .ENOMEM }
        return made.index
    }

    /// What a copy of an area has, in a child or at another address: all but the userfaultfd. The reference is the
    /// caller's. Throws ENOMEM.
    func extrasOfCopy(_ cpu: CPU, _ number: UInt32) throws(Errno) -> UInt32 {
        guard number != 0 else { return 0 }
        var value = extras(number)
        guard !value.userfault.isNone else {
            holdExtras(number)
            return number
        }
        value.userfault = .none
        return try makeExtras(cpu, value)
    }

    /// Takes a reference for one more area.
    @inline(__always) func holdExtras(_ number: UInt32) {
        if number != 0 { extrasPool[extrasPool.handle(at: number)].references += 1 }
    }

    /// Drops an area's reference; the last one frees the record.
    @inline(__always) func releaseExtras(_ cpu: CPU, _ number: UInt32) {
        if number != 0 { dropExtras(cpu, number) }
    }

    @inline(never) private func dropExtras(_ cpu: CPU, _ number: UInt32) {
        let record = extrasPool.handle(at: number)
        extrasPool[record].references -= 1
        if extrasPool[record].references == 0 { extrasPool.free(cpu, record) }
    }
}
