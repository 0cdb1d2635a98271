// Splitting an area in two. The tables are not touched, except that no entry maps memory of both: an area is a statement
// about addresses. A split that fails leaves the area whole. Linux: __split_vma.

extension AddressSpace {
    /// Cuts an area at an address inside it and returns the upper part; the lower keeps the handle. Throws ENOMEM
    /// with nothing changed.
    @discardableResult
    func split(_ cpu: CPU, _ area: Handle<Area>, at address: UInt64) throws(Errno) -> Handle<Area> {
        startWrite(cpu, area)
        let whole = core.areas[area]
        var upper = whole
        upper.start = address
        upper.pageOffset = whole.pageOffset(of: address)
        splitLeaf(cpu, area, atBorder: address)
        let made = try insertArea(cpu, upper, .upperPart(of: area), tiedLike: area)
        core.rehang(cpu, area)
        cpu.count(.areaSplits)
        return made
    }

    /// As `split`, but refused where it would make one area too many (split_vma).
    @discardableResult
    func splitWithinLimit(_ cpu: CPU, _ area: Handle<Area>, at address: UInt64) throws(Errno) -> Handle<Area> {
        if areas.count >= core.settings.maxMapCount { throw .ENOMEM }
        return try split(cpu, area, at: address)
    }
}
