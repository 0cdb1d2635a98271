// Which operations mean the same on every side. A live process has memory of its own outside of the workload's window,
// where a model has nothing; and some calls would succeed in taking more memory than there is. What could touch either
// is no question to ask.
//
//     0    64 kB            base        end                     2^47 − 4096
//     |free|····· own ·····|  window    |········ own ··········|  never mapped …

extension Operation {
    private static let lowEnd: UInt64 = 65_536
    private static let userEnd: UInt64 = (1 << 47) - 4096
    /// The most memory that one call shall take.
    private static let most: UInt64 = 64 << 20

    /// What a range of addresses can meet.
    private enum Range {
        /// The window, or nothing at all on any side.
        case alike
        /// Refused before anybody looks what lies there.
        case invalid
        /// Begins where there is a hole on every side.
        case beginsInHole
        case foreign
    }

    private func range(_ start: UInt64, _ length: UInt64) -> Range {
        let first = start & ~4095
        let bytes = (length &+ start & 4095 &+ 4095) & ~4095
        let end = first &+ bytes
        if end < first || bytes < length { return .invalid }
        if first >= Zones.base, end <= Zones.end { return .alike }
        if end <= Self.lowEnd || first >= Self.userEnd { return .alike }
        return first < Self.lowEnd ? .beginsInHole : .foreign
    }

    /// MADV_COLLAPSE makes huge pages, whatever the machine's settings say.
    private var isCollapse: Bool { argument(2) & 0xFFFF_FFFF == 25 }

    /// Whether every side must answer the operation in the same way where all pages are small.
    var isAlikeEverywhere: Bool { isAlike(withHugePages: false) }

    /// Whether every side must answer the operation in the same way.
    func isAlike(withHugePages isHuge: Bool) -> Bool {
        let (first, second) = (argument(0), argument(1))
        switch call {
        case .mmap: return isAlikeMapping
        case .mremap: return isAlikeMove
        case .munmap: return range(first, second) == .alike || second > Self.userEnd || first & 4095 != 0
        case .mprotect, .mlock, .mlock2, .munlock:
            // They stop at the first hole. The locks round first and may come out at a short range.
            let rounded = (second &+ (first & 4095) &+ 4095) & ~4095
            let range = call == .mprotect ? range(first, second) : range(first & ~4095, rounded)
            // The start of a stack is looked for above the hole.
            let looksUp = call == .mprotect && argument(2) & 0x0100_0000 != 0
            return range == .alike || range == .beginsInHole && !looksUp || range == .invalid
        case .madvise where isCollapse && !isHuge: return false
        // At most 2 GB of a range are looked at.
        case .adviseSelf: return (isHuge || !isCollapse) && range(first, min(second, 1 << 31)) == .alike
        // Small enough, or more than there is.
        case .brk: return first <= Zones.heap + Self.most || first >= Zones.heap + 1 << 43
        case .madvise, .msync, .nameArea:
            let range = range(first, second)
            return range == .alike || first & 4095 != 0 || (range == .invalid && call == .madvise)
        // A replay reports no longer vector.
        case .mincore: return second <= 1 << 27 && range(first, second) != .foreign
        case .store, .load: return second <= 1 << 16 && range(first, second) == .alike
        case .touchRead, .touchWrite: return second <= 1 << 24 && range(first, second) == .alike
        case .memfd: return first & 4 == 0  // huge pages
        case .ftruncate: return isUsable(first)
        case .fallocate:
            let (length, offset) = (argument(3), argument(2))
            let takes = second & 2 == 0 && length <= 1 << 63 - 1 && offset <= 1 << 63 - 1 && length > Self.most
            return isUsable(first) && !(takes && offset + length <= 1 << 63 - 1)
        case .pread, .pwrite:
            return isUsable(first) && range(second, min(argument(2), 1 << 20)) != .foreign
        case .readText: return isUsable(first) && second <= 1 << 16
        case .writeText: return isUsable(first) && second <= Self.longestText
        case .dup, .seal: return isUsable(first)
        case .close: return isUsable(first) && Int32(truncatingIfNeeded: first) != 3
        case .mlockall, .munlockall, .disableHugePages: return true
        case .fork, .vfork, .clone, .exit, .wait4: return true
        case .knob, .khugepaged, .dropCaches, .statistic, .unpin: return true
        case .gup: return second <= 1 << 24 && range(first, second) != .foreign
        }
    }

    /// Whether 0 to 2 are open depends on who runs the workload; high ones are a live process's own.
    private func isUsable(_ descriptor: UInt64) -> Bool {
        let number = Int32(truncatingIfNeeded: descriptor)
        return number < 0 || (3..<800).contains(number) || number > 1 << 21
    }

    private var isAlikeMapping: Bool {
        let (address, length, flags) = (argument(0), argument(1), argument(3))
        // Kinds of memory that are not modelled: the low 2 GB, huge pages.
        if flags & 0x40040 != 0 || (flags & MapBits.anonymous == 0 && !isUsable(argument(4))) { return false }
        let bytes = pageAlign(length)
        // What is neither refused nor small enough would be a question of how much memory there is.
        let isAccountable = argument(2) & 2 != 0 && flags & 0x4001 == 0
        guard length > Self.userEnd || bytes <= Self.most || (isAccountable && bytes >= 1 << 43) else { return false }
        if leavesPlaceOpen {
            let hint = address & ~4095
            return bytes <= Self.most
                && (hint == 0 || hint >= Self.userEnd || range(hint, length) == .alike && hint >= Zones.base)
        }
        // The highest addresses read as errors, for most of which a model has no name.
        if address > .max - 4095, address != .max { return false }
        // Low addresses are a matter of rights.
        return address > Self.userEnd || length > Self.userEnd
            || range(address, length) == .alike && address >= Zones.base
            || address & 4095 != 0 && address >= Self.lowEnd
    }

    private var isAlikeMove: Bool {
        let (old, length, new, flags) = (argument(0), argument(1), argument(2), argument(3))
        if flags & ~7 != 0 || old & 4095 != 0 || new == 0 || new > Self.userEnd { return true }
        let source = range(old, length)
        guard source == .alike || (source == .beginsInHole && flags & 2 == 0), new <= Self.most || new <= length else {
            return false
        }
        if flags & 6 == 0 { return range(old, max(length, new)) == .alike || old < Self.lowEnd || old >= Self.userEnd }
        let target = argument(4)
        if target & 4095 != 0 || target > Self.userEnd - pageAlign(new) { return true }
        return range(target, new) == .alike && target >= Zones.base
    }
}
