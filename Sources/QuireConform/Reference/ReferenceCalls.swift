// munmap, mprotect, the locks, msync and mincore of the reference model, page by page and in the order in which Linux
// checks its arguments. A call returns the name of its error, or nil. Linux: do_vmi_munmap, do_mprotect_pkey, do_mlock.

extension ReferenceSpace {
    // MARK: munmap

    func munmap(_ address: UInt64, _ length: UInt64) -> String? {
        if isUnaligned(address) || address > Self.userEnd || length > Self.userEnd - address { return "EINVAL" }
        let end = address + pageAlign(length)
        if end == address { return "EINVAL" }
        remove(address >> 12, end >> 12)
        return nil
    }

    // MARK: mprotect

    /// mprotect. Stops at a hole.
    func mprotect(_ address: UInt64, _ length: UInt64, _ protection: UInt64) -> String? {
        let growth: UInt64 = 0x0300_0000
        if protection & growth == growth || isUnaligned(address) { return "EINVAL" }
        if length == 0 { return nil }
        let end = address &+ pageAlign(length)
        if end <= address { return "ENOMEM" }
        if protection & ~growth & ~15 != 0 { return "EINVAL" }
        var page = address >> 12
        if protection & 0x0100_0000 != 0 {
            // PROT_GROWSDOWN: from the start of the stack that lies there or begins in the range.
            guard let first = areas[page] != nil ? page : nextArea(from: page), first < end >> 12 else {
                return "ENOMEM"
            }
            guard areas[first]?.flags.contains(.growsDown) == true else { return "EINVAL" }
            page = start(of: first)
        } else {
            guard areas[page] != nil else { return "ENOMEM" }
            // Nothing grows up.
            if protection & growth != 0 { return "EINVAL" }
        }
        while page < end >> 12 {
            guard let area = areas[page] else { return "ENOMEM" }
            if area.flags.contains(.sealed), protection & 2 != 0 { return "EACCES" }
            let next = self.end(of: page, limit: end >> 12)
            protect(page, next, area, ReferenceFlags(protection: protection))
            page = next
        }
        return nil
    }

    private func protect(_ start: UInt64, _ end: UInt64, _ area: ReferenceArea, _ rights: ReferenceFlags) {
        let old = area.flags
        var new = old.subtracting(.rights).union(rights)
        if new == old { return }
        if new.contains(.write) {
            if old.isDisjoint(with: [.account, .write, .shared, .noReserve]) { new.insert(.account) }
        } else if old.contains(.account), area.isPlain, area.anonymous == nil {
            new.remove(.account)
        }
        change(start, end, to: new)
        if old.intersection([.write, .shared, .locked]) == .locked, new.contains(.write) { _ = populate(start, end) }
    }

    // MARK: mlock

    /// mlock and mlock2; `lock` is what the areas get.
    func mlock(_ address: UInt64, _ length: UInt64, _ lock: ReferenceFlags) -> String? {
        let (error, end) = setLock(address, length, lock)
        if let error { return error }
        return populateAll(address >> 12, end, goesOn: false) ? nil : "ENOMEM"
    }

    func munlock(_ address: UInt64, _ length: UInt64) -> String? { setLock(address, length, []).error }

    private func setLock(
        _ address: UInt64, _ length: UInt64, _ lock: ReferenceFlags
    ) -> (error: String?, end: UInt64) {
        let bytes = pageAlign(length &+ (address & 4095))
        let start = address & ~4095
        let end = start &+ bytes
        if end < start { return ("EINVAL", 0) }
        var page = start >> 12
        while page < end >> 12 {
            guard let area = areas[page] else { return ("ENOMEM", 0) }
            let next = self.end(of: page, limit: end >> 12)
            setLock(page, next, area, lock)
            page = next
        }
        return (nil, end >> 12)
    }

    /// What may go at any time is locked by no call.
    private func setLock(_ start: UInt64, _ end: UInt64, _ area: ReferenceArea, _ lock: ReferenceFlags) {
        if area.flags.contains(.droppable) { return }
        change(start, end, to: area.flags.subtracting([.locked, .lockOnFault]).union(lock))
    }

    func mlockall(_ flags: UInt64) -> String? {
        if flags == 0 || flags == 4 || flags & ~7 != 0 { return "EINVAL" }
        let lock: ReferenceFlags = flags & 4 != 0 ? [.locked, .lockOnFault] : .locked
        future = flags & 2 != 0 ? lock : []
        if flags & 1 != 0 {
            lockEverything(lock)
            populateAll(0, Self.userEnd >> 12)
        }
        return nil
    }

    func munlockall() {
        future = []
        lockEverything([])
    }

    private func lockEverything(_ lock: ReferenceFlags) {
        var page = areas[0] != nil ? 0 : nextArea(from: 0)
        while let start = page, let area = areas[start] {
            let end = end(of: start)
            setLock(start, end, area, lock)
            page = areas[end] != nil ? end : nextArea(from: end)
        }
    }

    // MARK: msync

    func msync(_ address: UInt64, _ length: UInt64, _ flags: UInt64) -> String? {
        if flags & ~7 != 0 || isUnaligned(address) || flags & 5 == 5 { return "EINVAL" }
        let end = address &+ pageAlign(length)
        if end < address { return "ENOMEM" }
        var sawHole = false
        var page = address >> 12
        while page < end >> 12 {
            guard let area = areas[page] else {
                sawHole = true
                guard let next = nextArea(from: page) else { break }
                page = next
                continue
            }
            if flags & 2 != 0, area.flags.contains(.locked) { return "EBUSY" }
            page = self.end(of: page, limit: end >> 12)
        }
        return sawHole ? "ENOMEM" : nil
    }

    // MARK: mincore

    /// One byte a page: 1 where it is mapped, or where its file has it.
    func mincore(_ address: UInt64, _ length: UInt64) -> (error: String?, bytes: [UInt8]) {
        if isUnaligned(address) { return ("EINVAL", []) }
        if address > Self.userEnd || length > Self.userEnd - address { return ("ENOMEM", []) }
        var bytes: [UInt8] = []
        for page in (address >> 12)..<((address + pageAlign(length)) >> 12) {
            guard let area = areas[page] else { return ("ENOMEM", []) }
            switch entries[page] {
            case .zero, .page: bytes.append(1)
            case .guarded, nil: bytes.append(area.file?.holds(page &+ area.shift) == true ? 1 : 0)
            }
        }
        return (nil, bytes)
    }
}
