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
        if request.flags.contains(.sync) { flags.insert(.sync) }
        var address = try unmappedArea(
            hint, length, fixed: isFixed, alignsHuge: request.file == nil && !request.flags.contains(.shared),
            low32: request.flags.contains(.low32))
        if let recorded = request.recorded, !isFixed {
            address = Page.floor(recorded)
            guard address <= tables.format.userEnd - length else { throw .ENOMEM }
        }
        if request.flags.contains(.fixedNoReplace), !isUnmapped(address, length) { throw .EEXIST }
        if request.flags.contains(.locked), !mayLockAny { throw .EPERM }
        if flags.contains(.locked), !mayLock(pages: length >> Page.shift) { throw .EAGAIN }
        try checkType(request, &flags)
        if request.flags.contains(.noReserve), core.settings.overcommit != .never { flags.insert(.noReserve) }

        if numbers.mergesAll, flags.isKSMCompatible { flags.insert(.mergeable) }
        try mapRegion(cpu, address, length, flags, request, pageOffset, makeShared)
        if flags.isSuperset(of: [.droppable, .locked]) { unlockDroppable(address, pages: length >> Page.shift) }
        let populates =
            flags.contains(.locked) && (!flags.contains(.lockOnFault) || flags.contains(.droppable))
            || request.flags.intersection([.populate, .nonBlock]) == .populate
        return (address, populates ? length : 0)
    }

    /// Droppable memory is not locked, though it is populated as if. Linux notices only when the area is there, so it has
    /// not merged with its neighbours either (vma_supports_mlock in __mmap_complete).
    private func unlockDroppable(_ address: UInt64, pages: UInt64) {
        // Still a writer's, since it was made just now.
        core.areas[areas.find(address)].flags.subtract([.locked, .lockOnFault])
        numbers.lockedPages -= pages
    }

    private func isUnmapped(_ address: UInt64, _ length: UInt64) -> Bool {
        let above = areas.find(address)
        return above.isNone || core.areas[above].start >= address &+ length
    }

    /// The kind of mapping against the file's mode (the switch of do_mmap).
    private func checkType(_ request: MapRequest, _ flags: inout AreaFlags) throws(Errno) {
        guard let file = request.file else {
            switch request.flags.type {
            case 1:
                guard !flags.contains(.growsDown) else { throw .EINVAL }
                flags.formUnion([.shared, .mayShare])
            case 2: break
            case 8:
                guard request.flags.isDisjoint(with: [.locked, .hugetlb]), !flags.contains(.growsDown) else {
                    throw .EINVAL
                }
                flags.formUnion([.droppable, .noReserve, .wipeOnFork, .dontDump])
            default: throw .EINVAL
            }
            return
        }
        // No file has more bytes than that (file_mmap_ok).
        let most = UInt64(Int64.max) - Page.ceiling(request.length)
        guard request.length <= UInt64(Int64.max) - Page.size, request.offset >> Page.shift <= most >> Page.shift else {
            throw .EOVERFLOW
        }
        switch request.flags.type {
        case 1, 3:
            // Files on a disk get as far as their own refusal of MAP_SYNC, at the end.
            let known = MapFlags.legacyMask | (isOnDisk(file.file) ? MapFlags.sync.rawValue : 0)
            if request.flags.type == 3, request.flags.rawValue & ~known != 0 { throw .EOPNOTSUPP }
            guard file.canWrite || !request.protection.contains(.write) else { throw .EACCES }
            flags.formUnion([.shared, .mayShare])
            if !file.canWrite { flags.subtract([.mayWrite, .shared]) }
        case 2: break
        default: throw .EINVAL
        }
        guard file.canRead else { throw .EACCES }
        // Processes and page maps are no files, on file systems that nothing can be executed from.
        guard !file.file.isNone else { throw request.protection.contains(.execute) ? .EPERM : .ENODEV }
        guard !flags.contains(.growsDown) else { throw .EINVAL }
        if request.flags.type == 3, request.flags.contains(.sync) { throw .EOPNOTSUPP }
        // A sealed file can still be shared for reading, and stays so (memfd_check_seals_mmap).
        if flags.contains(.shared), core.files[file.file].seals.forbidsWriting {
            guard !flags.contains(.write) else { throw .EPERM }
            flags.remove(.mayWrite)
        }
    }

    private func isOnDisk(_ file: Handle<FileRecord>) -> Bool { !file.isNone && core.files[file].kind == .disk }

    private func mapRegion(
        _ cpu: CPU, _ address: UInt64, _ length: UInt64, _ proposed: AreaFlags, _ request: MapRequest,
        _ pageOffset: UInt64, _ makeShared: (UInt64) throws(Errno) -> Handle<FileRecord>
    ) throws(Errno) {
        var flags = proposed
        let pages = length >> Page.shift
        let end = address + length
        // Splits come first and stay, whatever is refused later; what is mapped goes when only memory can be in the way.
        var above = areas.cursor(atOrAbove: address)
        let replaces = !above.isNone && areas.start(at: above) < end
        if replaces { above = try splitAtBorders(cpu, above, address, end) }
        let replaced = replaces ? countMapped(from: above, end) : (pages: 0, charged: 0)
        guard mayExpand(flags, pages: pages - replaced.pages) else { throw .ENOMEM }
        if flags.isAccountable {
            if pages > replaced.charged { try commit(cpu, pages: pages - replaced.charged) }
            flags.insert(.account)
        }
        if replaces {
            unmapRange(cpu, from: above, address, end)
            above = areas.cursor(atOrAbove: address)
            if flags.contains(.account) { core.recommit(cpu, pages: replaced.charged) }
        }
        do throws(Errno) {
            try place(cpu, address, end, below: above, flags, request, pageOffset, makeShared)
        } catch {
            if flags.contains(.account) { core.uncommit(cpu, pages: pages) }
            throw error
        }
        account(flags, pages: Int64(pages))
        if flags.contains(.locked) { numbers.lockedPages += pages }
    }

    /// Shared memory is its file's charge, not the area's: all of it at once, or each page when it comes into being.
    private func charge(_ cpu: CPU, _ file: Handle<FileRecord>, whole: Bool) throws(Errno) {
        if whole { try commit(cpu, pages: core.pages(of: file)) }
        core.files[file].charge = whole ? .whole : .byPage
    }

    /// Pages mapped in areas below `end`, `first` being the lowest, and how many of them are charged.
    private func countMapped(from first: AreaCursor, _ end: UInt64) -> (pages: UInt64, charged: UInt64) {
        var total: UInt64 = 0
        var charged: UInt64 = 0
        var cursor = first
        while !cursor.isNone, areas.start(at: cursor) < end {
            let area = core.areas[areas.area(at: cursor)]
            total += area.pages
            if area.flags.contains(.account) { charged += area.pages }
            cursor = areas.next(cursor)
        }
        return (total, charged)
    }

    private func place(
        _ cpu: CPU, _ start: UInt64, _ end: UInt64, below above: AreaCursor, _ flags: AreaFlags, _ request: MapRequest,
        _ pageOffset: UInt64, _ makeShared: (UInt64) throws(Errno) -> Handle<FileRecord>
    ) throws(Errno) {
        var record = Area(
            start: start, end: end, flags: flags, pageOffset: start >> Page.shift, kind: .anonymous, space: number)
        let isNewFile = request.file == nil && flags.contains(.mayShare)
        if let mapped = request.file {
            record.file = mapped.file
            let file = core.files[mapped.file]
            record.kind = file.kind == .memory ? .shared : file.kind == .device ? .driver : .file
            if file.abilities.contains(.mixedMap) { record.flags.insert(.mixedMap) }
            record.pageOffset = pageOffset
        } else if isNewFile {
            record.file = try makeShared(end - start)
            record.kind = .shared
            record.pageOffset = 0
        }
        defer { if isNewFile { core.release(cpu, record.file) } }
        if isNewFile { try charge(cpu, record.file, whole: !flags.contains(.noReserve)) }
        if request.name != 0 { record.extras = try core.makeExtras(cpu, AreaExtras(name: request.name)) }
        defer { core.releaseExtras(cpu, record.extras) }
        if !isNewFile {
            let proposal = Proposal(
                start: start, end: end, pageOffset: record.pageOffset, attributes: AreaAttributes(record))
            // What cannot merge for want of memory may still be had as an area of its own.
            if let merged = try? mergeNew(cpu, proposal, below: above), !merged.isNone { return }
        }
        try insertArea(cpu, record, .below(above))
    }
}
