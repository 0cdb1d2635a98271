// mmap, munmap, mprotect, mlock and mincore of the reference model, page by page and in the order in which Linux checks
// its arguments. A call returns the name of its error, or nil. Linux: do_mmap, do_vmi_munmap, do_mprotect_pkey.

/// What a call comes to.
enum ReferenceResult {
    case value(UInt64)
    case error(String)
}

extension ReferenceSpace {
    // MARK: mmap

    /// mmap at a place that the caller names. The reference model chooses no addresses: a call without MAP_FIXED or
    /// MAP_FIXED_NOREPLACE is answered with an error only.
    func mmap(
        _ address: UInt64, _ length: UInt64, _ protection: UInt64, _ flags: UInt64, _ fd: UInt64, _ offset: UInt64
    ) -> ReferenceResult {
        if isUnaligned(offset) { return .error("EINVAL") }
        var file: ReferenceFile?
        if flags & MapBits.anonymous == 0 {
            file = files[fd]
            if file == nil { return .error("EBADF") }
        }
        if length == 0 { return .error("EINVAL") }
        let bytes = pageAlign(length)
        if bytes == 0 { return .error("ENOMEM") }
        let offsetPages = offset >> 12
        if offsetPages &+ bytes >> 12 < offsetPages { return .error("EOVERFLOW") }
        if bytes > Self.userEnd || address > Self.userEnd - bytes { return .error("ENOMEM") }
        if isUnaligned(address) { return .error("EINVAL") }
        let (start, end) = (address >> 12, (address + bytes) >> 12)
        if flags & MapBits.noReplace != 0, (start..<end).contains(where: { areas[$0] != nil }) {
            return .error("EEXIST")
        }
        if let error = wrongType(flags, file) { return .error(error) }
        place(start, end, protection, flags, file, offsetPages)
        if flags & MapBits.locked != 0 || flags & (MapBits.populate | MapBits.nonBlock) == MapBits.populate {
            _ = populateAll(start, end)
        }
        return .value(address)
    }

    /// The kind of mapping (MAP_TYPE) and what goes with it.
    private func wrongType(_ flags: UInt64, _ file: ReferenceFile?) -> String? {
        let type = flags & 15
        let grows = flags & MapBits.growsDown != 0
        if file == nil {
            guard type == 1 || type == 2 else { return "EINVAL" }
            return type == 1 && grows ? "EINVAL" : nil
        }
        guard (1...3).contains(type) else { return "EINVAL" }
        if type == 3, flags & ~MapBits.validated != 0 { return "EOPNOTSUPP" }
        return grows ? "EINVAL" : nil
    }

    private func place(
        _ start: UInt64, _ end: UInt64, _ protection: UInt64, _ flags: UInt64, _ file: ReferenceFile?,
        _ offsetPages: UInt64
    ) {
        var attributes = ReferenceFlags(protection: protection)
        if flags & MapBits.locked != 0 { attributes.insert(.locked) }
        if flags & MapBits.stack != 0 { attributes.insert(.noHugePage) }
        if flags & MapBits.noReserve != 0 { attributes.insert(.noReserve) }
        let isShared = flags & 15 != 2
        if isShared { attributes.insert(.shared) }
        if attributes.intersection([.write, .shared, .noReserve]) == .write { attributes.insert(.account) }
        remove(start, end)
        var backing = file
        var shift: UInt64 = 0
        if file != nil {
            shift = offsetPages &- start
        } else if isShared {
            backing = ReferenceFile(pageCount: end - start)
            shift = 0 &- start
        }
        let area = ReferenceArea(flags: attributes, file: backing, shift: shift)
        for page in start..<end { areas[page] = area }
        join(start, end)
    }

    // MARK: munmap

    func munmap(_ address: UInt64, _ length: UInt64) -> String? {
        if isUnaligned(address) || address > Self.userEnd || length > Self.userEnd - address { return "EINVAL" }
        let end = address + pageAlign(length)
        if end == address { return "EINVAL" }
        remove(address >> 12, end >> 12)
        return nil
    }

    // MARK: mprotect

    /// mprotect, without the forms for stacks. Stops at a hole.
    func mprotect(_ address: UInt64, _ length: UInt64, _ protection: UInt64) -> String? {
        let growth: UInt64 = 0x0300_0000
        if protection & growth == growth || isUnaligned(address) { return "EINVAL" }
        if length == 0 { return nil }
        let end = address &+ pageAlign(length)
        if end <= address { return "ENOMEM" }
        if protection & ~growth & ~15 != 0 { return "EINVAL" }
        guard areas[address >> 12] != nil else { return "ENOMEM" }
        // Nothing here is a stack.
        if protection & growth != 0 { return "EINVAL" }
        var page = address >> 12
        while page < end >> 12 {
            guard let area = areas[page] else { return "ENOMEM" }
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
        return populateAll(address >> 12, end) ? nil : "ENOMEM"
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
            change(page, next, to: area.flags.subtracting([.locked, .lockOnFault]).union(lock))
            page = next
        }
        return (nil, end >> 12)
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
            case .guarded, nil: bytes.append(area.file?.pages[page &+ area.shift] == nil ? 0 : 1)
            }
        }
        return (nil, bytes)
    }
}

/// The bits of mmap's flags.
enum MapBits {
    static let fixed: UInt64 = 0x10
    static let anonymous: UInt64 = 0x20
    static let growsDown: UInt64 = 0x100
    static let locked: UInt64 = 0x2000
    static let noReserve: UInt64 = 0x4000
    static let populate: UInt64 = 0x8000
    static let nonBlock: UInt64 = 0x10000
    static let stack: UInt64 = 0x20000
    static let noReplace: UInt64 = 0x100000
    /// What MAP_SHARED_VALIDATE knows.
    static let validated: UInt64 = 0x17_FFFF & ~0x80000
}
