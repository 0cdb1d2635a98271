// mmap of the reference model. It chooses no addresses: where Linux would, it takes over the place that it is told and
// asks only that the place is free. Linux: do_mmap, __mmap_region.

/// What a call comes to.
enum ReferenceResult {
    case value(UInt64)
    case error(String)
    /// The model has no answer of its own; nothing has happened, or what it was told.
    case open(String)
    /// From here on the model would need more than it has.
    case retire(String)
}

/// The arguments of one mmap.
private struct Mapping {
    var length: UInt64
    var protection: UInt64
    var flags: UInt64
    var file: ReferenceFile?
    var offsetPages: UInt64

    var isFixed: Bool { flags & (MapBits.fixed | MapBits.noReplace) != 0 }
}

extension ReferenceSpace {
    /// Nobody is promised more memory than there is.
    static let memory: UInt64 = 24 << 30
    /// The most pages that a dictionary can be expected to hold.
    static let mostPages: UInt64 = 64 << 10

    /// mmap. `told` is the address that another side answered.
    func mmap(
        _ address: UInt64, _ length: UInt64, _ protection: UInt64, _ flags: UInt64, _ fd: UInt64, _ offset: UInt64,
        told: UInt64?
    ) -> ReferenceResult {
        if isUnaligned(offset) { return .error("EINVAL") }
        var file: ReferenceFile?
        if flags & MapBits.anonymous == 0 {
            file = descriptors[fd & 0xFFFF_FFFF]
            if file == nil { return .error("EBADF") }
        }
        if length == 0 { return .error("EINVAL") }
        let bytes = pageAlign(length)
        if bytes == 0 { return .error("ENOMEM") }
        let mapping = Mapping(
            length: bytes, protection: protection, flags: flags, file: file, offsetPages: offset >> 12)
        if mapping.offsetPages &+ bytes >> 12 < mapping.offsetPages { return .error("EOVERFLOW") }
        if bytes > Self.userEnd { return .error("ENOMEM") }
        if mapping.isFixed {
            // The kernel carries errors as the highest addresses: minus one reads as the first of them.
            if address == .max { return .error("EPERM") }
            if address > Self.userEnd - bytes { return .error("ENOMEM") }
            if isUnaligned(address) { return .error("EINVAL") }
            let (start, end) = (address >> 12, (address + bytes) >> 12)
            if flags & MapBits.noReplace != 0, !isUnmapped(start, end) { return .error("EEXIST") }
            return map(mapping, at: address) ?? .value(address)
        }
        var hint = address & ~4095
        if hint != 0 { hint = max(hint, Self.lowest) }
        if hint != 0, hint <= Self.userEnd - bytes, isFree(hint >> 12, (hint + bytes) >> 12) {
            return map(mapping, at: hint) ?? .value(hint)
        }
        if let error = refusal(mapping) { return .error(error) }
        guard let told else { return .open("whether there is a place for a mapping") }
        guard !isUnaligned(told), told >= Self.lowest, told <= Self.userEnd - bytes,
            isFree(told >> 12, (told + bytes) >> 12)
        else { return .error("(a free place)") }
        return map(mapping, at: told) ?? .open("where Linux puts a mapping")
    }

    /// Whether no page of [start, end) is mapped.
    private func isUnmapped(_ start: UInt64, _ end: UInt64) -> Bool {
        areas[start] == nil && (nextArea(from: start).map { $0 >= end } ?? true)
    }

    /// Maps at a place. What stands in the way of it, or nil.
    private func map(_ mapping: Mapping, at address: UInt64) -> ReferenceResult? {
        if let error = refusal(mapping) { return .error(error) }
        let attributes = attributes(mapping)
        if attributes.contains(.account), mapping.length > Self.memory {
            // What was cut to make room stays cut.
            cut(at: address >> 12)
            cut(at: (address + mapping.length) >> 12)
            return .error("ENOMEM")
        }
        if mapping.length >> 12 > Self.mostPages { return .retire("a mapping of \(mapping.length >> 20) MiB") }
        let (start, end) = (address >> 12, (address + mapping.length) >> 12)
        if isSealed(mapping), attributes.contains(.write) { return .error("EPERM") }
        place(start, end, attributes, mapping)
        // Linux notices only when the area is there that it cannot be locked.
        if attributes.contains(.droppable) { areas[start]?.flags.subtract([.locked, .lockOnFault]) }
        let populates = mapping.flags & (MapBits.populate | MapBits.nonBlock) == MapBits.populate
        if attributes.contains(.locked) || populates { populateAll(start, end) }
        return nil
    }

    /// Whether a mapping is shared with a file that nobody may write.
    private func isSealed(_ mapping: Mapping) -> Bool {
        guard let file = mapping.file, mapping.flags & 15 != 2 else { return false }
        return !file.seals.isDisjoint(with: [.write, .futureWrite])
    }

    /// The kind of mapping (MAP_TYPE) and what goes with it.
    private func refusal(_ mapping: Mapping) -> String? {
        let flags = mapping.flags
        let type = flags & 15
        let grows = flags & MapBits.growsDown != 0
        if mapping.file != nil, mapping.offsetPages > (UInt64(Int64.max) - mapping.length) >> 12 { return "EOVERFLOW" }
        if mapping.file == nil {
            if type == 8 { return flags & MapBits.locked != 0 || grows ? "EINVAL" : nil }
            guard type == 1 || type == 2 else { return "EINVAL" }
            return type == 1 && grows ? "EINVAL" : nil
        }
        guard (1...3).contains(type) else { return "EINVAL" }
        if type == 3, flags & ~MapBits.validated != 0 { return "EOPNOTSUPP" }
        return grows ? "EINVAL" : nil
    }

    private func attributes(_ mapping: Mapping) -> ReferenceFlags {
        var attributes = ReferenceFlags(protection: mapping.protection).union(future)
        if mapping.flags & MapBits.locked != 0 { attributes.insert(.locked) }
        if mapping.flags & MapBits.stack != 0 { attributes.insert(.noHugePage) }
        if mapping.flags & MapBits.sync != 0 { attributes.insert(.sync) }
        if mapping.flags & MapBits.growsDown != 0 { attributes.insert(.growsDown) }
        if mapping.flags & MapBits.noReserve != 0 { attributes.insert(.noReserve) }
        switch mapping.flags & 15 {
        case 2: break
        case 8: attributes.formUnion([.droppable, .noReserve, .wipeOnFork, .dontDump])
        default: attributes.insert(.shared)
        }
        if isSealed(mapping) { attributes.insert(.sealed) }
        if attributes.intersection([.write, .shared, .noReserve]) == .write { attributes.insert(.account) }
        return attributes
    }

    private func place(_ start: UInt64, _ end: UInt64, _ attributes: ReferenceFlags, _ mapping: Mapping) {
        remove(start, end)
        var backing = mapping.file
        var shift: UInt64 = 0
        if backing != nil {
            shift = mapping.offsetPages &- start
        } else if attributes.contains(.shared) {
            backing = ReferenceFile(size: (end - start) << 12)
            shift = 0 &- start
        }
        let area = ReferenceArea(flags: attributes, file: backing, shift: shift)
        for page in start..<end { areas[page] = area }
        join(start, end)
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
    static let sync: UInt64 = 0x80000
    static let noReplace: UInt64 = 0x100000
    /// What MAP_SHARED_VALIDATE knows.
    static let validated: UInt64 = 0x7C07_F9F3
}
