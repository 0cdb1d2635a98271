// The first touch of file memory. A read maps the page from the page cache and, around it, what else is cached
// (16 pages, aligned, within the area and the table). A write to a private mapping copies; a write to a shared one
// maps the page writable. Beyond the end of the file is SIGBUS. A page that is not cached is read from its disk, with
// what Readahead adds, and the fault starts over: it is a major one.
// Linux: do_read_fault, do_fault_around, filemap_map_pages, do_cow_fault, do_shared_fault.

extension AddressSpace {
    /// Serves a fault on an entry that is none in an area with a file.
    func fileFault(_ cpu: CPU, _ context: FaultContext, _ position: TablePosition) -> FaultOutcome {
        if let outcome = askFile(cpu, context) { return outcome }
        let area = core.area(context.area)
        let offset = area.pageOffset(of: context.page)
        let filePages = core.pages(of: area.file)
        if context.access != .write {
            if core.settings.faultAroundBytes > Page.size,
                core.files[area.file].kind.mapsAround, mapAround(cpu, context, position, area, filePages)
            {
                return .done(major: false)
            }
        } else if !area.flags.contains(.shared) {
            if let outcome = prepareAnonVMA(cpu, context) { return outcome }
        }
        guard offset < filePages else { return .signal(.busAddressError, address: context.address) }
        let isMajor = core.files[area.file].kind == .disk && readForFault(cpu, area, offset)
        let cached = core.cachedOrMade(cpu, area.file, offset)
        guard !cached.isNone else { return unmade(cpu, context, area.file) }
        if isMajor, !context.mayWait { return .blocked }
        if isMajor, context.access != .write, core.settings.faultAroundBytes > Page.size,
            mapAround(cpu, context, position, area, filePages)
        {
            return .done(major: true)
        }
        if let outcome = lockPage(cpu, context, area.file, offset, cached) { return outcome }
        defer { unlockPage(cpu, cached) }
        if context.access == .write, !area.flags.contains(.shared) {
            return copyOnFirstWrite(cpu, context, position, from: cached, isMajor: isMajor)
        }
        guard tables.lockIfAttached(cpu, position, context.page) else { return .retry }
        if tables.load(cpu, position.table, tables.format.index(context.page, level: 0)).isNone {
            mapFilePage(cpu, position, context.page, cached, area, written: context.access == .write)
        }
        tables.pteLock(position.table).unlock(cpu)
        return .done(major: isMajor)
    }

    /// Has a disk file's page read for a fault, with others; true where it was not cached. A page that nothing was read
    /// beside is found without contents, and that is no error (S3-26): the fault itself reads it.
    private func readForFault(_ cpu: CPU, _ area: Area, _ offset: UInt64) -> Bool {
        let frame = core.cached(cpu, area.file, offset)
        guard frame.isNone else {
            if memory.has(cpu, frame, FrameFlags.readahead), !area.flags.contains(.randomRead) {
                core.readOn(cpu, area.file, offset, frame, core.settings.readaheadPages)
            }
            return false
        }
        core.readAround(cpu, area.file, offset, area.flags)
        if core.cached(cpu, area.file, offset).isNone { cpu.count(.fileFaultsNotUptodate) }
        return true
    }

    /// A page of a file could not be made: no memory, or none may be promised, which is as if the file had ended.
    private func unmade(_ cpu: CPU, _ context: FaultContext, _ file: Handle<FileRecord>) -> FaultOutcome {
        if core.files[file].charge == .byPage, !core.mayCommit(cpu, pages: 1, mapped: 0) {
            return .signal(.busAddressError, address: context.address)
        }
        return .outOfMemory
    }

    /// A fault beyond the end of the file where there is no PTE table yet: it makes the tables above, but a PTE table
    /// only if the window around it has a page to map. Nil: the fault is to be served as any other.
    func faultBeyondEnd(_ cpu: CPU, _ context: FaultContext) -> FaultOutcome? {
        let area = core.area(context.area)
        let filePages = core.pages(of: area.file)
        guard area.pageOffset(of: context.page) >= filePages, tables.position(cpu, context.page).table.isNone else {
            return nil
        }
        if let outcome = askFile(cpu, context) { return outcome }
        if context.access != .write, core.settings.faultAroundBytes > Page.size {
            let window = window(context, area)
            let index = UInt64(tables.format.index(context.page, level: 0))
            for place in window {
                let offset = area.pageOffset(of: context.page &+ (place &- index) << Page.shift)
                if offset >= filePages { break }
                if isMappable(cpu, area, offset) { return nil }
            }
        } else if context.access == .write, !area.flags.contains(.shared) {
            if let outcome = prepareAnonVMA(cpu, context) { return outcome }
        }
        guard tables.allocatingTable(cpu, context.page, level: 1) != nil else { return .outOfMemory }
        return .signal(.busAddressError, address: context.address)
    }

    /// The entries that a fault looks at: aligned, within the area and the table.
    private func window(_ context: FaultContext, _ area: Area) -> Range<UInt64> {
        let pages = core.settings.faultAroundBytes >> Page.shift
        let index = UInt64(tables.format.index(context.page, level: 0))
        let below = Swift.min(index, (context.page - area.start) >> Page.shift)
        let from = Swift.max(index & ~(pages - 1), index - below)
        let above = (area.end - context.page) >> Page.shift
        return from..<Swift.min(from + pages, 512, index + above)
    }

    /// Maps what is cached in the window around the address. True: the address itself is mapped now.
    private func mapAround(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, _ area: Area, _ filePages: UInt64
    ) -> Bool {
        let format = tables.format
        let index = UInt64(format.index(context.page, level: 0))
        let window = window(context, area)
        guard tables.lockIfAttached(cpu, position, context.page) else { return false }
        for place in window {
            let page = context.page &+ (place &- index) << Page.shift
            let offset = area.pageOffset(of: page)
            guard offset < filePages else { break }
            guard tables.load(cpu, position.table, Int(place)).isNone else { continue }
            guard isMappable(cpu, area, offset) else { continue }
            // A recorded file's pages are all cached: they come into being when somebody looks.
            let frame = core.cachedOrMade(cpu, area.file, offset)
            if frame.isNone { continue }
            // Who is busy with a page is not waited for under the table's lock.
            switch tryLockPage(cpu, area.file, offset, frame) {
            case .locked: break
            case .gone: continue
            case .busy:
                memory.put(cpu, frame)
                continue
            }
            mapFilePage(cpu, position, page, frame, area, written: false)
            unlockPage(cpu, frame)
            cpu.count(.faultAroundPages)
        }
        let mapped = !tables.load(cpu, position.table, Int(index)).isNone
        tables.pteLock(position.table).unlock(cpu)
        return mapped
    }

    /// Whether fault-around maps a page: it is cached with its contents, and nobody waits for who comes to it.
    private func isMappable(_ cpu: CPU, _ area: Area, _ offset: UInt64) -> Bool {
        switch core.files[area.file].kind {
        case .recorded, .special: return true
        case .memory, .disk, .device:
            let frame = core.cached(cpu, area.file, offset)
            return !frame.isNone && !memory.has(cpu, frame, FrameFlags.notUptodate | FrameFlags.readahead)
        }
    }

    /// Enters a page of the page cache: reference, mapping, count. The table's lock is held.
    private func mapFilePage(
        _ cpu: CPU, _ position: TablePosition, _ page: UInt64, _ frame: FrameNumber, _ area: Area, written: Bool
    ) {
        memory.addMapping(cpu, frame, owner: number)
        tables.counters.add(cpu, area.kind == .shared ? SpaceCounter.shared : SpaceCounter.file, 1)
        // Pages of memory files need no notice of the first write, so a shared mapping may write at once.
        let writable = area.flags.contains([.shared, .write]) && (written || area.kind == .shared)
        enter(cpu, position, page, frame, area.flags, write: writable, dirty: written)
        // fault_dirty_shared_page: every mapper sees at once that the page was written.
        if written { memory.flags(frame).set(cpu, bits: FrameFlags.dirty, .frameFlags) }
    }

    /// A private area's first write to a page: a copy that belongs to this mapping alone.
    private func copyOnFirstWrite(
        _ cpu: CPU, _ context: FaultContext, _ position: TablePosition, from cached: FrameNumber, isMajor: Bool
    ) -> FaultOutcome {
        let copy = newAnonymousFrame(cpu, context, zeroed: false)
        guard !copy.isNone else { return .outOfMemory }
        memory.copy(cpu, from: cached, to: copy)
        guard tables.lockIfAttached(cpu, position, context.page) else {
            memory.put(cpu, copy)
            return .retry
        }
        let flags = core.areas[context.area].flags
        if tables.load(cpu, position.table, tables.format.index(context.page, level: 0)).isNone {
            tables.counters.add(cpu, SpaceCounter.anonymous, 1)
            enter(cpu, position, context.page, copy, flags, write: flags.contains(.write), dirty: true)
        } else {
            memory.put(cpu, copy)
        }
        tables.pteLock(position.table).unlock(cpu)
        return .done(major: isMajor)
    }
}
