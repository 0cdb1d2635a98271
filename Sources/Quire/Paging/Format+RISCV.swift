// The RISC-V formats Sv39 and Sv48 with Svnapot: privileged specification, chapters 10.4 to 10.6 and "Svnapot". A folded
// entry has bit 63 (N) and, in place of the frame number's low four bits, 1000: 64 KiB, the one size there is. Rights
// are positive (R, W, X), and a leaf is told by R. PROT_NONE is the global bit (5) with V clear. No machine runs on it:
// entries and blocks only, since its frame number stands at bit 10 (docs/contpte.md).

extension PageTableFormat {
    /// RISC-V with pages of 4 KiB, three levels (Sv39) or four (Sv48).
    static func riscv(levels: Int) -> PageTableFormat {
        let valid: UInt64 = 1 << 0
        let read: UInt64 = 1 << 1
        let write: UInt64 = 1 << 2
        let execute: UInt64 = 1 << 3
        let user: UInt64 = 1 << 4
        let global: UInt64 = 1 << 5
        let accessed: UInt64 = 1 << 6
        let dirty: UInt64 = 1 << 7
        let napot: UInt64 = 1 << 63
        let frameShift: UInt64 = 10
        var format = PageTableFormat(
            levels: levels,
            userEnd: levels == 3 ? 1 << 38 : 1 << 47,
            broadcastsInvalidations: false,
            checksUpperBits: true,
            frameMask: 1 << 54 - 1 << frameShift,
            present: valid, presentValue: valid,
            leafBase: valid | read | execute | user,
            tableBase: valid,
            huge: read, hugeValue: read,
            write: write, readOnly: 0,
            accessed: accessed, dirty: dirty,
            noExecute: execute, protNone: global,
            contiguousEntries: 16, contiguous: napot)
        format.blockPatternMask = 15 << frameShift
        format.blockPattern = 8 << frameShift
        format.frameShift = frameShift
        return format
    }
}
