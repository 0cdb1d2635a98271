// The x86-64 page-table format with four or five levels: Intel SDM volume 3, chapter 4.5. Software bits: 9–11 and
// 52–58. PROT_NONE is the global bit (8) with P clear, as Linux does it; protection keys are left alone.

extension PageTableFormat {
    /// x86-64, four levels (48-bit addresses) or five (57-bit).
    public static func x86(levels: Int) -> PageTableFormat {
        let present: UInt64 = 1 << 0
        let write: UInt64 = 1 << 1
        let user: UInt64 = 1 << 2
        let accessed: UInt64 = 1 << 5
        let dirty: UInt64 = 1 << 6
        let pageSize: UInt64 = 1 << 7
        let global: UInt64 = 1 << 8
        let noExecute: UInt64 = 1 << 63
        return PageTableFormat(
            levels: levels,
            userEnd: levels == 5 ? 0xff_ffff_ffff_f000 : 0x7fff_ffff_f000,
            broadcastsInvalidations: false,
            checksUpperBits: true,
            frameMask: 0x000f_ffff_ffff_f000,
            present: present, presentValue: present,
            leafBase: present | user,
            tableBase: present | write | user | accessed | dirty,
            huge: pageSize, hugeValue: pageSize,
            write: write, readOnly: 0,
            accessed: accessed, dirty: dirty,
            noExecute: noExecute, protNone: global,
            contiguousEntries: 1, contiguous: 0)
    }
}
