// Which address space a CPU's translations belong to. x86-64: each CPU keeps the spaces that ran there last, a tag each,
// and learns on the switch whether one was flushed meanwhile. arm64: the machine gives each space a tag for as long as
// there are any; then every CPU flushes everything and the tags begin anew. An address space's word (PageTables.swift)
// holds the number of its flushes, or its tag and the tag's generation. Part of the unsafe floor.
// Linux: switch_mm_irqs_off, choose_new_asid, mm_context.tlb_gen; check_and_switch_context, new_context.

import Synchronization

extension TLBs {
    /// Lets the CPU run an address space. Its TLB is locked.
    @inline(never) func switchTo(_ cpu: CPU, _ tlb: TLB, _ tables: PageTables) {
        cpu.count(.tlbSwitches)
        guard unsafe shared.pointee.broadcasts else { return tlb.takePlace(cpu, tables) }
        while true {
            let word = tables.tlbWord.load(cpu, .tlb)
            if word & 0xffff != 0, word >> 16 == generation {
                unsafe tlb.state.pointee.tag = (word & 0xffff) << TLBKey.tagShift
                unsafe tlb.state.pointee.space = tables.owner
                return
            }
            // Tags run out under their own lock, which comes before the CPUs'.
            tlb.unlock(cpu)
            giveTag(cpu, tables)
            tlb.lock(cpu)
        }
    }

    /// Lets every CPU forget an address space that ends: another may get its number. (Linux never gives a ctx_id again.)
    func forget(_ cpu: CPU, space: UInt32) {
        for index in 0..<cpus {
            let tlb = self[index]
            tlb.lock(cpu)
            tlb.forget(space: space)
            tlb.unlock(cpu)
        }
    }

    fileprivate var generation: UInt64 { unsafe tagGeneration.cell.pointee.load(ordering: .acquiring) }

    /// Gives an address space a tag of the present generation, unless it has one by now.
    private func giveTag(_ cpu: CPU, _ tables: PageTables) {
        var turn = 0
        while unsafe tagLock.cell.pointee.exchange(1, ordering: .acquiring) != 0 {
            unsafe cpu.spinOnce(tagLock.cell, .tlb, turn: turn)
            turn += 1
        }
        defer { unsafe tagLock.cell.pointee.store(0, ordering: .releasing) }
        let word = tables.tlbWord.loadRelaxed(cpu, .tlb)
        if word & 0xffff != 0, word >> 16 == generation { return }
        if unsafe shared.pointee.nextTag > shared.pointee.tags { beginTagsAnew(cpu) }
        let tag = unsafe shared.pointee.nextTag
        unsafe shared.pointee.nextTag = tag + 1
        tables.tlbWord.store(cpu, generation << 16 | UInt64(tag), .tlb)
    }

    /// Lets every CPU forget everything, and what it runs. (Linux lets the spaces that run keep their tags.)
    private func beginTagsAnew(_ cpu: CPU) {
        unsafe tagGeneration.cell.pointee.store(generation + 1, ordering: .releasing)
        unsafe shared.pointee.nextTag = 1
        for index in 0..<cpus {
            let tlb = self[index]
            tlb.lock(cpu)
            cpu.count(.tlbInvalidateAll)
            cpu.count(.tlbFlushedEntries, UInt64(tlb.dropAll()))
            unsafe tlb.state.pointee.space = 0
            tlb.unlock(cpu)
        }
    }
}

extension TLB {
    /// Whether the CPU runs the address space.
    @inline(__always) func runs(_ space: UInt32) -> Bool { unsafe state.pointee.space == space }

    /// The tag of the space that the CPU runs.
    var tag: UInt64 { unsafe state.pointee.tag }

    /// Lets the CPU run an address space, in the place that it has there or in the oldest (x86-64).
    func takePlace(_ cpu: CPU, _ tables: PageTables) {
        let flushes = tables.tlbWord.load(cpu, .tlb)
        let count = unsafe shared.pointee.tags
        var place: UInt32 = 0
        while place < count, unsafe places[Int(place)].space != tables.owner { place += 1 }
        if place == count {
            place = unsafe state.pointee.nextPlace
            unsafe state.pointee.nextPlace = (place + 1) % count
            if unsafe places[Int(place)].space != 0 { flushPlace(cpu, place) }
        } else if unsafe places[Int(place)].generation != flushes {
            flushPlace(cpu, place)
        }
        unsafe places[Int(place)] = TLBPlace(space: tables.owner, generation: flushes)
        unsafe state.pointee.place = place
        unsafe state.pointee.tag = Self.tag(ofPlace: place)
        unsafe state.pointee.space = tables.owner
    }

    /// Nothing runs, and the place that the space had belongs to nobody, to be flushed when it is taken.
    func forget(space: UInt32) {
        if runs(space) { unsafe state.pointee.space = 0 }
        if unsafe shared.pointee.broadcasts { return }
        let count = unsafe shared.pointee.tags
        for place in 0..<count where unsafe places[Int(place)].space == space {
            unsafe places[Int(place)].space = .max
        }
    }

    private func flushPlace(_ cpu: CPU, _ place: UInt32) {
        cpu.count(.tlbSwitchFlushes)
        cpu.count(.tlbFlushedEntries, UInt64(drop(Self.tag(ofPlace: place))))
    }

    private static func tag(ofPlace place: UInt32) -> UInt64 { UInt64(place + 1) << TLBKey.tagShift }

    /// Notes that the running space's flush of this number was carried out. One that comes out of turn is not noted: the
    /// next switch flushes all.
    func noteFlushed(_ generation: UInt64) {
        let place = unsafe places + Int(state.pointee.place)
        if unsafe place.pointee.generation + 1 == generation { unsafe place.pointee.generation = generation }
    }

    /// The tag under which translations of a space may be used when it runs here next; nil where there are none such.
    func liveTag(_ cpu: CPU, _ tables: PageTables) -> UInt64? {
        let word = tables.tlbWord.load(cpu, .tlb)
        if unsafe shared.pointee.broadcasts {
            let isCurrent = unsafe word & 0xffff != 0 && word >> 16 == TLBs(shared: shared).generation
            return isCurrent ? (word & 0xffff) << TLBKey.tagShift : nil
        }
        let count = unsafe shared.pointee.tags
        for place in 0..<count where unsafe places[Int(place)].space == tables.owner {
            let isCurrent = unsafe places[Int(place)].generation == word
            return isCurrent || runs(tables.owner) ? Self.tag(ofPlace: place) : nil
        }
        return nil
    }
}
