// Reading of disk files: what is read beside the page that somebody wants. A fault reads around it, one in an area that is
// used sequentially from it on, one in an area that is used at random nothing else; a read call looks whether it goes
// on where the last one ended. One page of a window is marked: whoever comes to it has the next window read.
//
//     fault at p:   [p - 16 ……… p ……… p + 16)          marked: 8 before the end, then the first of each window
//
// Simpler than Linux: the window is the file's, not that of each opening; single pages only, where Linux makes larger folios
// from the second window on and maps each as a whole; the number of misses that ends reading around is not kept.
// Linux: do_sync_mmap_readahead, page_cache_sync_ra, page_cache_async_ra, get_next_ra_size.

/// Where reading ahead has come to in a file (struct file_ra_state).
struct ReadaheadWindow: BitwiseCopyable {
    var start: UInt64 = 0
    var size: UInt64 = 0
    /// How far before its end the window's marked page lies.
    var ahead: UInt64 = 0
    /// The byte behind the last one that a call has read; all ones before the first.
    var position = UInt64.max
}

extension MachineCore {
    private func window(of file: Handle<FileRecord>) -> ReadaheadWindow { files[file].readahead }

    /// Reads the page that a call comes to at a byte, of those up to `end` (filemap_get_pages).
    func readForCall(_ cpu: CPU, _ file: Handle<FileRecord>, _ offset: UInt64, _ end: UInt64) {
        let page = offset >> Page.shift
        let wanted = Page.ceiling(end) >> Page.shift - page
        let frame = cached(cpu, file, page)
        if frame.isNone {
            readAhead(cpu, file, page, wanted)
            // Nothing is read ahead at all: the page alone.
            _ = cachedOrMade(cpu, file, page)
        } else if memory.has(cpu, frame, FrameFlags.readahead) {
            readOn(cpu, file, page, frame, wanted)
        }
    }

    /// Reads what a fault on a page that is not cached wants read beside it (do_sync_mmap_readahead). It may read nothing,
    /// not even the page itself.
    func readAround(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64, _ flags: AreaFlags) {
        let most = settings.readaheadPages
        if flags.contains(.randomRead) || most == 0 { return }
        if flags.contains(.sequentialRead) { return readAhead(cpu, file, page, most) }
        files[file].readahead.start = page - Swift.min(page, most / 2)
        files[file].readahead.size = most
        files[file].readahead.ahead = most / 4
        readWindow(cpu, file)
    }

    /// Reads from a page that is not cached on, for somebody who wants `wanted` pages (page_cache_sync_ra).
    func readAhead(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64, _ wanted: UInt64) {
        let most = settings.readaheadPages
        if most == 0 { return }
        let previous = window(of: file).position == .max ? .max : window(of: file).position >> Page.shift
        if page == 0 || wanted > most || (previous != .max && page &- previous <= 1) {
            let size = firstSize(wanted, most)
            files[file].readahead.start = page
            files[file].readahead.size = size
            files[file].readahead.ahead = size > wanted ? size - wanted : size / 2
            return readWindow(cpu, file)
        }
        var cachedBefore: UInt64 = 0
        while cachedBefore < most, cachedBefore < page, !cached(cpu, file, page - cachedBefore - 1).isNone {
            cachedBefore += 1
        }
        if cachedBefore <= wanted { return read(cpu, file, page, wanted, marked: .max) }
        // A stream from the file's start on leaves this behind.
        if cachedBefore == page { cachedBefore *= 2 }
        files[file].readahead.start = page
        files[file].readahead.size = Swift.min(cachedBefore + wanted, most)
        files[file].readahead.ahead = 1
        readWindow(cpu, file)
    }

    /// Reads the next window because somebody came to a marked page (page_cache_async_ra).
    func readOn(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64, _ frame: FrameNumber, _ wanted: UInt64) {
        let most = settings.readaheadPages
        if most == 0 { return }
        memory.flags(frame).clear(cpu, bits: FrameFlags.readahead, .frameFlags)
        let window = window(of: file)
        if page == window.start &+ window.size &- window.ahead {
            files[file].readahead.start = window.start + window.size
            files[file].readahead.size = Swift.max(window.size, nextSize(window.size, most))
        } else {
            // The window is another by now: go on behind what is cached.
            var start = page + 1
            while start - page <= most, !cached(cpu, file, start).isNone { start += 1 }
            if start - page > most { return }
            files[file].readahead.start = start
            files[file].readahead.size = nextSize(start - page + wanted, most)
        }
        files[file].readahead.ahead = files[file].readahead.size
        readWindow(cpu, file)
    }

    private func firstSize(_ wanted: UInt64, _ most: UInt64) -> UInt64 {
        var size: UInt64 = 1
        while size < wanted { size *= 2 }
        if size <= most / 32 { return size * 4 }
        return size <= most / 4 ? size * 2 : most
    }

    private func nextSize(_ size: UInt64, _ most: UInt64) -> UInt64 {
        if size < most / 16 { return size * 4 }
        return size <= most / 2 ? size * 2 : most
    }

    /// Reads the window (page_cache_ra_order). Where a page of it is cached already, the rest is read as what it is cut to at
    /// the file's end, and so the mark is counted from there (do_page_cache_ra).
    private func readWindow(_ cpu: CPU, _ file: Handle<FileRecord>) {
        let window = window(of: file)
        let (end, last) = (window.start + window.size, pages(of: file))
        var page = window.start
        var mark = end - window.ahead
        while page < Swift.min(end, last) {
            guard cached(cpu, file, page).isNone else {
                mark = Swift.min(end, last) &- window.ahead
                break
            }
            read(cpu, file, page, 1, marked: mark)
            page += 1
        }
        read(cpu, file, page, end - page, marked: mark)
    }

    /// Reads the pages [first, first + count) that are in the file and not in the cache.
    private func read(_ cpu: CPU, _ file: Handle<FileRecord>, _ first: UInt64, _ count: UInt64, marked: UInt64) {
        var page = first
        let end = Swift.min(first &+ count, pages(of: file))
        while page < end {
            defer { page += 1 }
            guard cached(cpu, file, page).isNone else { continue }
            let frame = cachedOrMade(cpu, file, page)
            if frame.isNone { return }
            if page == marked { memory.flags(frame).set(cpu, bits: FrameFlags.readahead, .frameFlags) }
        }
    }

    /// Reads [first, last) whatever was read before (MADV_WILLNEED).
    func readAll(_ cpu: CPU, _ file: Handle<FileRecord>, _ first: UInt64, _ last: UInt64) {
        read(cpu, file, first, last - first, marked: .max)
    }
}
