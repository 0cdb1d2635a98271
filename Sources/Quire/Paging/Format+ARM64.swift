// The arm64 format with 4 KiB granule and four levels: Arm ARM D8.3, stage 1, EL1&0. Hardware dirty state as Linux
// uses it: DBM (51) says writable by rights, AP[2] (7) clear on a writable entry says written, bit 55 keeps dirty
// when the right to write goes. PROT_NONE is software bit 58 with the valid bit clear.

extension PageTableFormat {
    /// arm64, 4 KiB granule, 48-bit addresses.
    public static var arm64: PageTableFormat {
        let valid: UInt64 = 1 << 0
        let page: UInt64 = 1 << 1
        let normalMemory: UInt64 = 0 << 2
        let user: UInt64 = 1 << 6
        let readOnly: UInt64 = 1 << 7
        let innerShareable: UInt64 = 3 << 8
        let accessFlag: UInt64 = 1 << 10
        let notGlobal: UInt64 = 1 << 11
        let dbm: UInt64 = 1 << 51
        let contiguous: UInt64 = 1 << 52
        let privilegedExecuteNever: UInt64 = 1 << 53
        let userExecuteNever: UInt64 = 1 << 54
        return PageTableFormat(
            levels: 4,
            userEnd: 1 << 48,
            broadcastsInvalidations: true,
            checksUpperBits: false,
            frameMask: 0x0000_ffff_ffff_f000,
            present: valid, presentValue: valid,
            leafBase: valid | page | normalMemory | user | innerShareable | notGlobal | privilegedExecuteNever,
            tableBase: valid | page,
            huge: page, hugeValue: 0,
            write: dbm, readOnly: readOnly,
            accessed: accessFlag, dirty: 1 << 55,
            noExecute: userExecuteNever, protNone: 1 << 58,
            contiguousEntries: 16, contiguous: contiguous)
    }
}
