// The arm64 formats with granules of 4, 16 and 64 KiB: Arm ARM D8.3, stage 1, EL1&0. Hardware dirty state as Linux
// uses it: DBM (51) says writable by rights, AP[2] (7) clear on a writable entry says written, bit 55 keeps dirty
// when the right to write goes. PROT_NONE is software bit 58 with the valid bit clear. Machines run on 4 KiB; the others are
// the entries, indices and contiguous blocks of their tables (docs/contpte.md).

extension PageTableFormat {
    /// The sizes of page that an arm64 processor may offer.
    enum Granule: UInt64, CaseIterable, BitwiseCopyable {
        case kb4 = 12, kb16 = 14, kb64 = 16
    }

    /// arm64, 4 KiB granule, 48-bit addresses.
    public static var arm64: PageTableFormat { arm64(.kb4) }

    /// arm64, 48-bit addresses. With 16 KiB the top table has 2 entries of the 2,048 that it has room for, with 64 KiB 64 of 8,192.
    static func arm64(_ granule: Granule) -> PageTableFormat {
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
        var format = PageTableFormat(
            levels: granule == .kb64 ? 3 : 4,
            userEnd: 1 << 48,
            broadcastsInvalidations: true,
            checksUpperBits: false,
            frameMask: 1 << 48 - 1 << granule.rawValue,
            present: valid, presentValue: valid,
            leafBase: valid | page | normalMemory | user | innerShareable | notGlobal | privilegedExecuteNever,
            tableBase: valid | page,
            huge: page, hugeValue: 0,
            write: dbm, readOnly: readOnly,
            accessed: accessFlag, dirty: 1 << 55,
            noExecute: userExecuteNever, protNone: 1 << 58,
            contiguousEntries: granule.contiguousEntries, contiguous: contiguous)
        format.contiguousUpperEntries = granule.contiguousUpperEntries
        format.pageShift = granule.rawValue
        format.indexBits = granule.rawValue - 3
        return format
    }
}

extension PageTableFormat.Granule {
    /// Entries of a contiguous block of pages: 64 KiB, 2 MiB, 2 MiB (Arm ARM, table D8-72 and its kin).
    var contiguousEntries: Int {
        switch self {
        case .kb4: 16
        case .kb16: 128
        case .kb64: 32
        }
    }

    /// Entries of a contiguous block one level up: of 2 MiB each to 32 MiB, of 32 MiB to 1 GiB, of 512 MiB to 16 GiB.
    var contiguousUpperEntries: Int { self == .kb4 ? 16 : 32 }
}
