// madvise of the reference model. Advice that is a flag changes labels, the rest acts on entries; a hole is passed over
// and makes the call ENOMEM at its end, an area that refuses ends it at once.
// Linux: madvise_walk_vmas, madvise_vma_behavior.

extension ReferenceSpace {
    static let populateRead: UInt64 = 22
    static let populateWrite: UInt64 = 23
    /// The numbers that the reference model carries out.
    static let advice: Set<UInt64> = [
        0, 1, 2, 3, 4, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 102, 103,
    ]

    /// madvise: the error's name, or nil.
    func madvise(_ address: UInt64, _ length: UInt64, _ advice: UInt64) -> String? {
        guard Self.advice.contains(advice), !isUnaligned(address) else { return "EINVAL" }
        let bytes = pageAlign(length)
        let end = address &+ bytes
        if bytes == 0, length != 0 { return "EINVAL" }
        if end < address { return "EINVAL" }
        if end == address { return nil }
        if advice == Self.populateRead || advice == Self.populateWrite {
            return populateForAdvice(address >> 12, end >> 12, write: advice == Self.populateWrite)
        }
        var sawHole = false
        var page = address >> 12
        let last = min(end, Self.userEnd) >> 12
        if end > Self.userEnd { sawHole = true }
        while page < last {
            guard areas[page] != nil else {
                sawHole = true
                guard let next = nextArea(from: page) else { break }
                page = next
                continue
            }
            let next = self.end(of: page, limit: last)
            if let error = advise(page, next, advice) { return error }
            page = next
        }
        return sawHole ? "ENOMEM" : nil
    }

    private func nextArea(from page: UInt64) -> UInt64? { areas.keys.lazy.filter { $0 > page }.min() }

    /// Acts on [start, end) of one area.
    private func advise(_ start: UInt64, _ end: UInt64, _ advice: UInt64) -> String? {
        guard let area = areas[start] else { return nil }
        let isLocked = area.flags.contains(.locked)
        var flags = area.flags
        switch advice {
        case 0: flags.subtract([.random, .sequential])
        case 1: flags = flags.subtracting(.sequential).union(.random)
        case 2: flags = flags.subtracting(.random).union(.sequential)
        case 3: return nil
        case 4, 24:
            if advice == 4, isLocked { return "EINVAL" }
            discard(start, end)
        case 8: return !area.isPlain || isLocked ? "EINVAL" : nil
        case 10: flags.insert(.dontFork)
        case 11: flags.remove(.dontFork)
        case 12: if !area.isShared { flags.insert(.mergeable) }
        case 13: flags.remove(.mergeable)
        case 14: flags = flags.subtracting(.noHugePage).union(.hugePage)
        case 15: flags = flags.subtracting(.hugePage).union(.noHugePage)
        case 16: flags.insert(.dontDump)
        case 17: flags.remove(.dontDump)
        case 18:
            guard area.isPlain else { return "EINVAL" }
            flags.insert(.wipeOnFork)
        case 19: flags.remove(.wipeOnFork)
        case 20, 21: return isLocked ? "EINVAL" : nil
        case 102:
            if isLocked { return "EINVAL" }
            installGuards(start, end, area)
            return nil
        default: removeGuards(start, end)
        }
        if flags != area.flags { change(start, end, to: flags) }
        return nil
    }

    /// Pages go, guards stay.
    private func discard(_ start: UInt64, _ end: UInt64) {
        for page in start..<end {
            if case .guarded = entries[page] { continue }
            unmap(page)
        }
    }

    private func installGuards(_ start: UInt64, _ end: UInt64, _ area: ReferenceArea) {
        area.flags.insert(.guards)
        if area.isPlain { prepareAnonymous(start) }
        for page in start..<end {
            unmap(page)
            entries[page] = .guarded
        }
    }

    private func removeGuards(_ start: UInt64, _ end: UInt64) {
        for page in start..<end {
            if case .guarded = entries[page] { entries[page] = nil }
        }
    }

    private func populateForAdvice(_ start: UInt64, _ end: UInt64, write: Bool) -> String? {
        for page in start..<end {
            guard let area = areas[page] else { return "ENOMEM" }
            // Readable because it may be written is not enough.
            guard area.flags.contains(write ? .write : .read) else { return "EINVAL" }
            if serve(page, write: write) != nil { return "EFAULT" }
        }
        return nil
    }
}
