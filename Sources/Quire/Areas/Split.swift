// Splitting an area in two. The tables are not touched, except that no entry maps memory of both: an area is a statement
// about addresses. Everything that can fail happens before anything visible changes. Linux: __split_vma.

extension AddressSpace {
    /// Cuts an area at an address inside it and returns the upper part; the lower keeps the handle. Throws ENOMEM
    /// with nothing changed.
    @discardableResult
    func split(_ cpu: CPU, _ area: Handle<Area>, at address: UInt64) throws(Errno) -> Handle<Area> {
        let whole = core.areas[area]
        var upper = whole
        upper.start = address
        upper.pageOffset = whole.pageOffset(of: address)
        upper.anonVMA = .none
        upper.chain = 0
        guard let made = core.areas.allocate(cpu, upper) else { throw .ENOMEM }
        guard core.cloneLinks(cpu, from: area, to: made, forking: false) else {
            core.areas.free(cpu, made)
            throw .ENOMEM
        }
        if !whole.anonVMA.isNone {
            core.areas[made].anonVMA = whole.anonVMA
            core.anonVMAs[whole.anonVMA].areas += 1
        }
        splitLeaf(cpu, area, atBorder: address)
        areas.moveEnd(area, to: address)
        guard areas.insert(cpu, made) else {
            areas.moveEnd(area, to: whole.end)
            core.unlinkAll(cpu, made)
            core.areas.free(cpu, made)
            throw .ENOMEM
        }
        if !whole.file.isNone {
            core.hold(cpu, whole.file)
            core.linkToFile(cpu, made)
        }
        cpu.count(.areaSplits)
        return made
    }

    /// As `split`, but refused where it would make one area too many (split_vma).
    @discardableResult
    func splitWithinLimit(_ cpu: CPU, _ area: Handle<Area>, at address: UInt64) throws(Errno) -> Handle<Area> {
        if areas.count >= core.settings.maxMapCount { throw .ENOMEM }
        return try split(cpu, area, at: address)
    }

    /// Takes an area out of the tree and frees it. Its pages and tables are gone or moved already.
    func dispose(_ cpu: CPU, _ area: Handle<Area>) {
        areas.remove(cpu, area)
        freeRecord(cpu, area)
    }

    /// Frees the record of an area that is in no tree.
    func freeRecord(_ cpu: CPU, _ area: Handle<Area>) {
        core.unlinkAll(cpu, area)
        let file = core.areas[area].file
        if !file.isNone {
            core.unlinkFromFile(cpu, area)
            core.release(cpu, file)
        }
        core.areas.free(cpu, area)
    }
}
