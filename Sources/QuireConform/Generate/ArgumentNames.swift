// The names of flags and advice, for lines that a person is going to read. Bits come in the order in which people write
// them.

/// Names and values by kind of argument.
enum ArgumentNames {
    typealias Named = (name: String, value: UInt64)

    static let rights: [Named] = [
        ("PROT_READ", 1), ("PROT_WRITE", 2), ("PROT_EXEC", 4), ("PROT_SEM", 8), ("PROT_GROWSDOWN", 0x0100_0000),
        ("PROT_GROWSUP", 0x0200_0000),
    ]
    static let mapFlags: [Named] = [
        ("MAP_SHARED", 1), ("MAP_PRIVATE", 2), ("MAP_DROPPABLE", 8), ("MAP_FIXED", 0x10), ("MAP_ANONYMOUS", 0x20),
        ("MAP_GROWSDOWN", 0x100),
        ("MAP_LOCKED", 0x2000), ("MAP_NORESERVE", 0x4000), ("MAP_POPULATE", 0x8000), ("MAP_NONBLOCK", 0x10000),
        ("MAP_STACK", 0x20000), ("MAP_SYNC", 0x80000), ("MAP_FIXED_NOREPLACE", 0x100000),
    ]
    static let remapFlags: [Named] = [("MREMAP_MAYMOVE", 1), ("MREMAP_FIXED", 2), ("MREMAP_DONTUNMAP", 4)]
    static let advice: [Named] = [
        ("MADV_NORMAL", 0), ("MADV_RANDOM", 1), ("MADV_SEQUENTIAL", 2), ("MADV_WILLNEED", 3), ("MADV_DONTNEED", 4),
        ("MADV_FREE", 8), ("MADV_REMOVE", 9), ("MADV_DONTFORK", 10), ("MADV_DOFORK", 11), ("MADV_MERGEABLE", 12),
        ("MADV_UNMERGEABLE", 13), ("MADV_HUGEPAGE", 14), ("MADV_NOHUGEPAGE", 15), ("MADV_DONTDUMP", 16),
        ("MADV_DODUMP", 17), ("MADV_WIPEONFORK", 18), ("MADV_KEEPONFORK", 19), ("MADV_COLD", 20),
        ("MADV_PAGEOUT", 21), ("MADV_POPULATE_READ", 22), ("MADV_POPULATE_WRITE", 23), ("MADV_DONTNEED_LOCKED", 24),
        ("MADV_COLLAPSE", 25), ("MADV_GUARD_INSTALL", 102), ("MADV_GUARD_REMOVE", 103),
    ]
    static let lockFlags: [Named] = [("MLOCK_ONFAULT", 1)]
    static let lockAllFlags: [Named] = [("MCL_CURRENT", 1), ("MCL_FUTURE", 2), ("MCL_ONFAULT", 4)]
    static let syncFlags: [Named] = [("MS_ASYNC", 1), ("MS_INVALIDATE", 2), ("MS_SYNC", 4)]
    static let memfdFlags: [Named] = [
        ("MFD_CLOEXEC", 1), ("MFD_ALLOW_SEALING", 2), ("MFD_HUGETLB", 4), ("MFD_NOEXEC_SEAL", 8), ("MFD_EXEC", 0x10),
    ]
    static let fallocateModes: [Named] = [
        ("FALLOC_FL_KEEP_SIZE", 1), ("FALLOC_FL_PUNCH_HOLE", 2), ("FALLOC_FL_COLLAPSE_RANGE", 8),
        ("FALLOC_FL_ZERO_RANGE", 0x10), ("FALLOC_FL_INSERT_RANGE", 0x20), ("FALLOC_FL_UNSHARE_RANGE", 0x40),
        ("FALLOC_FL_WRITE_ZEROES", 0x80),
    ]

    static let seals: [Named] = [
        ("F_SEAL_SEAL", 1), ("F_SEAL_SHRINK", 2), ("F_SEAL_GROW", 4), ("F_SEAL_WRITE", 8),
        ("F_SEAL_FUTURE_WRITE", 16), ("F_SEAL_EXEC", 32),
    ]

    static let pinFlags: [Named] = [("FOLL_WRITE", 1), ("FOLL_GET", 2), ("FOLL_LONGTERM", 0x100)]

    static let values: [String: UInt64] = Dictionary(
        (rights + mapFlags + remapFlags + advice + lockFlags + lockAllFlags + syncFlags + memfdFlags + fallocateModes
            + seals + pinFlags
            + [
                ("PROT_NONE", 0), ("NULL", 0), ("MAP_SHARED_VALIDATE", 3), ("PR_SET_VMA", 0x5356_4D41),
                ("PR_SET_VMA_ANON_NAME", 0),
                ("PR_SET_THP_DISABLE", 41), ("PIDFD_SELF", 0 &- 10_000), ("F_ADD_SEALS", 0x409),
            ]).map { ($0.name, $0.value) }
    ) { first, _ in first }

    /// Bits by their names, what is left as a number.
    static func bits(_ value: UInt64, _ names: [Named], none: String) -> String {
        var rest = value
        var words: [String] = []
        for (name, bit) in names where rest & bit != 0 {
            words.append(name)
            rest &= ~bit
        }
        if rest != 0 { words.append(hex(rest)) }
        return words.isEmpty ? none : words.joined(separator: "|")
    }

    /// Whether two words are the same text or the same number.
    static func isSame(_ word: Substring, _ text: String) -> Bool {
        word == text || value(word).map { $0 == value(text[...]) } ?? false
    }

    /// A number, or names with `|` between them; nil for anything else.
    static func value(_ text: Substring) -> UInt64? {
        if text == "-1" { return .max }
        var sum: UInt64 = 0
        for word in text.split(separator: "|", omittingEmptySubsequences: false) {
            if word.hasPrefix("0x"), let number = UInt64(word.dropFirst(2), radix: 16) {
                sum |= number
            } else if let number = UInt64(word) ?? values[String(word)] {
                sum |= number
            } else {
                return nil
            }
        }
        return sum
    }
}

/// `0x…`
func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
