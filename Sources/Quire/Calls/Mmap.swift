// mmap: the checks in Linux's order, then the place, then the mapping. What lay in a fixed range goes first; the new
// range merges with a neighbour that nothing tells it from. Linux: ksys_mmap_pgoff, do_mmap, __mmap_region.

/// A file as a mapping sees it: what the descriptor allows.
struct MappedFile: BitwiseCopyable {
    var file: Handle<FileRecord>
    var canRead: Bool
    var canWrite: Bool
}

/// The arguments of one mmap.
struct MapRequest: BitwiseCopyable {
    var address: UInt64
    var length: UInt64
    var protection: Protection
    var flags: MapFlags
    var offset: UInt64
    var file: MappedFile?
    /// Where a recording had the mapping; nil where the model chooses.
    var recorded: UInt64?
    /// The name of a special mapping (`[vdso]`), as an index of the machine's strings; 0 is none.
    var name: UInt32 = 0
}

extension AddressSpace {
    /// Maps. The mmap lock is held for write. Returns the address, and whether it must be populated.
    func map(
        _ cpu: CPU, _ request: MapRequest, makeShared: (UInt64) throws(Errno) -> Handle<FileRecord>
    ) throws(Errno) -> (address: UInt64, populate: UInt64) {
        guard request.length != 0 else { throw .EINVAL }
        let isFixed = !request.flags.isDisjoint(with: [.fixed, .fixedNoReplace])
        var hint = request.address
        if !isFixed {
            hint = Page.floor(hint)
            if hint != 0, hint < core.settings.mmapMinAddress { hint = core.settings.mmapMinAddress }
        }
        let length = Page.ceiling(request.length)
        guard length != 0 else { throw .ENOMEM }
        let pageOffset = request.offset >> Page.shift
        guard pageOffset &+ (length >> Page.shift) >= pageOffset else { throw .EOVERFLOW }
        guard areas.count <= core.settings.maxMapCount else { throw .ENOMEM }

        var flags = request.protection.areaFlags.union(numbers.defaultFlags).union(.allMay)
        if request.flags.contains(.growsDown) { flags.insert(.growsDown) }
        if request.flags.contains(.locked) { flags.insert(.locked) }
        if request.flags.contains(.stack) { flags.insert(.noHugePage) }
        var address = try unmappedArea(
            hint, length, fixed: isFixed, alignsHuge: request.file == nil && !request.flags.contains(.shared))
        if let recorded = request.recorded, !isFixed {
            address = Page.floor(recorded)
            guard address <= tables.format.userEnd - length else { throw .ENOMEM }
        }
        if request.flags.contains(.fixedNoReplace), !isUnmapped(address, length) { throw .EEXIST }
        if flags.contains(.locked), !mayLock(pages: length >> Page.shift) { throw .EAGAIN }
        try checkType(request, &flags)
        if request.flags.contains(.noReserve), core.settings.overcommit != .never { flags.insert(.noReserve) }

        try mapRegion(cpu, address, length, flags, request, pageOffset, makeShared)
        let populates =
            flags.contains(.locked) && !flags.contains(.lockOnFault)
            || request.flags.intersection([.populate, .nonBlock]) == .populate
        return (address, populates ? length : 0)
    }

    private func isUnmapped(_ address: UInt64, _ length: UInt64) -> Bool {
        let above = areas.find(address)
        return above.isNone || core.areas[above].start >= address &+ length
    }

    /// Whether `pages` more may be locked; capabilities are root's, so only an explicit limit refuses.
    func mayLock(pages: UInt64) -> Bool {
        numbers.limits.lockedMemory == .max
            || (numbers.lockedPages &+ pages) << Page.shift <= numbers.limits.lockedMemory
    }

    /// The kind of mapping against the file's mode (the switch of do_mmap).
    private func checkType(_ request: MapRequest, _ flags: inout AreaFlags) throws(Errno) {
        guard let file = request.file else {
            switch request.flags.type {
            case 1:
                guard !flags.contains(.growsDown) else { throw .EINVAL }
                flags.formUnion([.shared, .mayShare])
            case 2: break
            default: throw .EINVAL
            }
            return
        }
        switch request.flags.type {
        case 1, 3:
            if request.flags.type == 3, request.flags.rawValue & ~(MapFlags.legacyMask | 3) != 0 {
                throw .EOPNOTSUPP
            }
            guard file.canWrite || !request.protection.contains(.write) else { throw .EACCES }
            flags.formUnion([.shared, .mayShare])
            if !file.canWrite { flags.subtract([.mayWrite, .shared]) }
        case 2: break
        default: throw .EINVAL
        }
        guard file.canRead else { throw .EACCES }
        guard !flags.contains(.growsDown) else { throw .EINVAL }
    }

    private func mapRegion(
        _ cpu: CPU, _ address: UInt64, _ length: UInt64, _ proposed: AreaFlags, _ request: MapRequest,
        _ pageOffset: UInt64, _ makeShared: (UInt64) throws(Errno) -> Handle<FileRecord>
    ) throws(Errno) {
        var flags = proposed
        let pages = length >> Page.shift
        let end = address + length
        let replaced = countMapped(address, end)
        guard mayExpand(flags, pages: pages - replaced) else { throw .ENOMEM }
        try makeHole(cpu, address, end)
        if flags.isAccountable {
            // What the replaced areas were charged for has just been given back.
            try core.commit(cpu, pages: pages)
            flags.insert(.account)
        }
        do throws(Errno) {
            try place(cpu, address, end, flags, request, pageOffset, makeShared)
        } catch {
            if flags.contains(.account) { core.uncommit(cpu, pages: pages) }
            throw error
        }
        account(flags, pages: Int64(pages))
        if flags.contains(.locked) { numbers.lockedPages += pages }
    }

    /// Pages mapped in a range.
    private func countMapped(_ start: UInt64, _ end: UInt64) -> UInt64 {
        var total: UInt64 = 0
        var cursor = areas.cursor(atOrAbove: start)
        while !cursor.isNone {
            let area = core.areas[areas.area(at: cursor)]
            if area.start >= end { break }
            total += (Swift.min(area.end, end) - Swift.max(area.start, start)) >> Page.shift
            cursor = areas.next(cursor)
        }
        return total
    }

    private func place(
        _ cpu: CPU, _ start: UInt64, _ end: UInt64, _ flags: AreaFlags, _ request: MapRequest, _ pageOffset: UInt64,
        _ makeShared: (UInt64) throws(Errno) -> Handle<FileRecord>
    ) throws(Errno) {
        var attributes = AreaAttributes(flags: flags, kind: .anonymous, file: .none, name: request.name)
        var offset = start >> Page.shift
        if let mapped = request.file {
            attributes.file = mapped.file
            let file = core.files[mapped.file]
            attributes.kind = file.kind == .memory ? .shared : file.kind == .device ? .driver : .file
            if file.abilities.contains(.mixedMap) { attributes.flags.insert(.mixedMap) }
            offset = pageOffset
        } else if flags.contains(.mayShare) {
            attributes.file = try makeShared(end - start)
            attributes.kind = .shared
            offset = 0
        }
        let proposal = Proposal(start: start, end: end, pageOffset: offset, attributes: attributes)
        let isNewFile = request.file == nil && attributes.kind == .shared
        if !isNewFile, mergeNew(cpu, proposal) != nil { return }
        defer { if isNewFile { core.release(cpu, attributes.file) } }
        let record = Area(
            start: start, end: end, flags: attributes.flags, pageOffset: offset, kind: attributes.kind,
            file: attributes.file,
            space: number, name: request.name)
        guard let area = core.areas.allocate(cpu, record) else { throw .ENOMEM }
        guard areas.insert(cpu, area) else {
            core.areas.free(cpu, area)
            throw .ENOMEM
        }
        if !attributes.file.isNone {
            core.hold(cpu, attributes.file)
            core.linkToFile(cpu, area)
        }
    }
}
