// madvise of the reference model. Advice that is a flag changes labels, the rest acts on entries; a hole is passed over
// and makes the call ENOMEM at its end, an area that refuses ends it at once.
// Linux: madvise_walk_vmas, madvise_vma_behavior.

extension ReferenceSpace {
    static let populateRead: UInt64 = 22
    static let populateWrite: UInt64 = 23
    /// The numbers that the reference model carries out.
    static let advice: Set<UInt64> = [
        0, 1, 2, 3, 4, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 102, 103,
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

    /// process_madvise of one range of the caller's own: the bytes advised.
    func adviseSelf(_ address: UInt64, _ length: UInt64, _ advice: UInt64) -> ReferenceResult {
        if length > UInt64(Int64.max) { return .error("EINVAL") }
        let bytes = min(length, 0x7FFF_F000)
        if address > Self.userEnd || bytes > Self.userEnd - address { return .error("EFAULT") }
        if bytes == 0 { return .value(0) }
        return madvise(address, bytes, advice).map { .error($0) } ?? .value(bytes)
    }

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
        case 8:
            if !area.isPlain || isLocked { return "EINVAL" }
            for page in start..<end { giveAway(page) }
        case 9:
            guard let file = area.file, !isLocked else { return "EINVAL" }
            guard area.isShared, !area.flags.contains(.sealed) else { return "EACCES" }
            if !file.seals.isDisjoint(with: [.write, .futureWrite]) { return "EPERM" }
            punch(file, (start &+ area.shift) << 12, (end &+ area.shift) << 12)
        case 10: flags.insert(.dontFork)
        case 11: flags.remove(.dontFork)
        case 12: if !area.isShared, !flags.contains(.droppable) { flags.insert(.mergeable) }
        case 13: flags.remove(.mergeable)
        case 14: flags = flags.subtracting(.noHugePage).union(.hugePage)
        case 15: flags = flags.subtracting(.hugePage).union(.noHugePage)
        case 16: flags.insert(.dontDump)
        case 17:
            if flags.contains(.droppable) { return "EINVAL" }
            flags.remove(.dontDump)
        case 18:
            guard area.isPlain else { return "EINVAL" }
            flags.insert(.wipeOnFork)
        case 19:
            if flags.contains(.droppable) { return "EINVAL" }
            flags.remove(.wipeOnFork)
        case 20, 21:
            if isLocked { return "EINVAL" }
            if advice == 21 { for page in start..<end { reclaim(page, area) } }
        case 102:
            if isLocked { return "EINVAL" }
            installGuards(start, end, area)
            return nil
        default: removeGuards(start, end)
        }
        if flags != area.flags { change(start, end, to: flags) }
        return nil
    }

    /// MADV_FREE of one page.
    private func giveAway(_ page: UInt64) {
        guard case .page(let memory) = entries[page], memory.isAnonymous else { return }
        if memory.isDirty, memory.mappings != 1 { return }
        memory.isDirty = false
        memory.isLazy = memory.isLazy || !isLockedSomewhere(memory)
        written.remove(page)
    }

    private func isLockedSomewhere(_ memory: ReferencePage) -> Bool {
        spaces.contains { space in
            space.entries.contains { page, entry in
                guard case .page(let other) = entry, other === memory else { return false }
                return space.areas[page]?.flags.contains(.locked) == true
            }
        }
    }

    /// MADV_PAGEOUT of one page. There is no swap: what is anonymous stays, unless it was given away.
    private func reclaim(_ page: UInt64, _ area: ReferenceArea) {
        guard case .page(let memory) = entries[page], memory.mappings == 1 else { return }
        if memory.isAnonymous {
            if area.flags.contains(.droppable) { return unmap(page) }
            guard memory.isLazy else { return }
            if written.contains(page) || memory.isDirty { memory.isLazy = false } else { unmap(page) }
            return
        }
        unmap(page)
        if !memory.isDirty { area.file?.pages[page &+ area.shift] = nil }
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
