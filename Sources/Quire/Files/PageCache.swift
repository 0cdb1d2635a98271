// The page cache of a file: a radix tree of frames, 512 entries a node, from page offset to cache entry. An entry
// is a word: a folio's frame with its order, a page of the store that is not in the cache, a slot in swap, or a shadow
// of what was evicted; only frames of order 0 are made so far. A disk file's store needs no memory of its own: a page
// that leaves the cache keeps its frame and changes its entry. Linux: struct address_space's i_pages (an xarray),
// filemap_get_entry.

/// One word of the page cache's index.
struct CacheEntry: BitwiseCopyable {
    var rawValue: UInt64
    static var none: CacheEntry { CacheEntry(rawValue: 0) }
    var isNone: Bool { rawValue == 0 }
    /// An entry for a folio of 2^order frames.
    static func folio(_ frame: FrameNumber, order: Int) -> CacheEntry {
        CacheEntry(rawValue: 1 | UInt64(order) << 2 | UInt64(frame.rawValue) << 12)
    }
    /// An entry for a page of the store, which is on the disk and not in the cache.
    static func stored(_ frame: FrameNumber) -> CacheEntry { CacheEntry(rawValue: 2 | UInt64(frame.rawValue) << 12) }
    /// The frame, where the entry is a folio's.
    var frame: FrameNumber { rawValue & 3 == 1 ? anyFrame : .none }
    /// The frame of a page of the store.
    var storedFrame: FrameNumber { rawValue & 3 == 2 ? anyFrame : .none }
    /// The frame that the entry holds, whatever for.
    var anyFrame: FrameNumber { FrameNumber(UInt32(truncatingIfNeeded: rawValue >> 12)) }
}

/// Where a file's index begins: its root and its height in levels of 512 in one word, so that who looks without the lock
/// while it grows by a level sees the tree as it was or as it is; 0 while nothing is cached. (xarray's head)
struct CacheIndex: BitwiseCopyable {
    var rawValue: UInt64

    init(_ rawValue: UInt64) { self.rawValue = rawValue }
    init(root: FrameNumber, height: Int) {
        rawValue = UInt64(truncatingIfNeeded: height) << 32 | UInt64(root.rawValue)
    }

    var root: FrameNumber { FrameNumber(UInt32(truncatingIfNeeded: rawValue)) }
    var height: Int { Int(rawValue >> 32) }
}

/// What of a range leaves the cache.
enum DropMode {
    /// All of it, for good: the file ends before it, or there is a hole now.
    case forGood
    /// What nobody maps and nobody has written since it was read: it can be read again.
    case unused
}

extension MachineCore {
    private func index(of file: Handle<FileRecord>) -> CacheIndex {
        CacheIndex(files.peekWord(at: file.index, offset: FileRecord.cacheIndexOffset))
    }

    /// The lock of the cache is held, or nobody else has the file.
    private func setIndex(of file: Handle<FileRecord>, _ index: CacheIndex) {
        files.publish(at: file.index, offset: FileRecord.cacheIndexOffset, index.rawValue)
    }

    private func countIndexed(_ file: Handle<FileRecord>, _ change: Int64) {
        let now = files.peekWord(at: file.index, offset: FileRecord.indexedPagesOffset)
        files.publish(at: file.index, offset: FileRecord.indexedPagesOffset, now &+ UInt64(bitPattern: change))
    }

    private func levels(for page: UInt64) -> Int {
        var levels = 1
        while levels < 6 && page >> UInt64(9 * levels) != 0 { levels += 1 }
        return levels
    }

    /// The cached frame of a page of a file; none where it is not cached.
    func cached(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64) -> FrameNumber {
        entry(cpu, file, page).frame
    }

    private func entry(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64) -> CacheEntry {
        let index = index(of: file)
        let height = index.height
        guard height > 0, levels(for: page) <= height else { return .none }
        var node = index.root
        for level in (0..<height).reversed() {
            let word = memory.word(node, Int(page >> UInt64(9 * level) & 511)).load(cpu, .pageCache)
            if level == 0 { return CacheEntry(rawValue: word) }
            if word == 0 { return .none }
            node = FrameNumber(UInt32(truncatingIfNeeded: word))
        }
        return .none
    }

    /// Whether a page of a disk file is in its store and not in the cache.
    func isStored(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64) -> Bool {
        !entry(cpu, file, page).storedFrame.isNone
    }

    /// The frame of a page of a file with its contents, read in or made if it is not cached; none where memory is used
    /// up. The page lies within the file.
    func cachedOrMade(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64) -> FrameNumber {
        let found = cached(cpu, file, page)
        let frame = found.isNone ? make(cpu, file, page, flags: 0) : found
        // What was only allocated reads as zero from the first look on.
        if !frame.isNone, memory.has(cpu, frame, FrameFlags.notUptodate) { setUptodate(cpu, frame) }
        return frame
    }

    /// Allocates a page of a memory file without writing it (SGP_FALLOC). One that is there gets its contents now.
    /// False where memory is used up.
    func allocateUnwritten(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64) -> Bool {
        let found = cached(cpu, file, page)
        let frame = found.isNone ? make(cpu, file, page, flags: FrameFlags.notUptodate) : found
        guard !frame.isNone else { return false }
        if !found.isNone { setUptodate(cpu, frame) }
        memory.flags(frame).set(cpu, bits: FrameFlags.dirty, .frameFlags)
        return true
    }

    /// Whether a page is in memory with its contents (filemap_get_incore_folio and its uptodate flag).
    func isUptodate(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64) -> Bool {
        let frame = cached(cpu, file, page)
        return !frame.isNone && !memory.has(cpu, frame, FrameFlags.notUptodate)
    }

    private func setUptodate(_ cpu: CPU, _ frame: FrameNumber) {
        memory.flags(frame).clear(cpu, bits: FrameFlags.notUptodate, .frameFlags)
    }

    /// The bytes [start, end) of a file, which lie in one page. A page that is not cached reads as zero.
    func bytes(_ cpu: CPU, _ file: Handle<FileRecord>, from start: UInt64, to end: UInt64) -> [UInt8] {
        let frame = cached(cpu, file, start >> Page.shift)
        guard !frame.isNone else { return [UInt8](repeating: 0, count: Int(end - start)) }
        let first = Int(start & Page.offsetMask)
        return (first..<(first + Int(end - start))).map { memory.byte(cpu, frame, offset: $0) }
    }

    /// Writes bytes into one page of a file, which grows; `asked` is how many were to be written. Throws EPERM
    /// where a seal forbids it, ENOSPC where memory is used up.
    func write(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ bytes: [UInt8], asked: UInt64, at offset: UInt64
    ) throws(Errno) {
        let end = offset + UInt64(bytes.count)
        let seals = files[file].seals
        guard !seals.forbidsWriting, !seals.contains(.grow) || offset + asked <= files[file].size else { throw .EPERM }
        let frame = cachedOrMade(cpu, file, offset >> Page.shift)
        guard !frame.isNone else { throw .ENOSPC }
        var place = Int(offset & Page.offsetMask)
        for byte in bytes {
            memory.setByte(cpu, frame, offset: place, byte)
            place += 1
        }
        memory.flags(frame).set(cpu, bits: FrameFlags.dirty, .frameFlags)
        if files[file].kind == .memory { memory.markAccessed(cpu, frame) }
        if end > files[file].size { files[file].size = end }
    }

    /// Notes that a call reads a page, from a byte of it on; `last` is the byte before where the last call has ended. Reading
    /// on within a page is no further use of it.
    func noteRead(_ cpu: CPU, _ file: Handle<FileRecord>, at offset: UInt64, last: UInt64) {
        let isFirst: Bool
        if files[file].kind == .memory {
            isFirst = offset & Page.offsetMask == 0
        } else {
            isFirst = offset >> Page.shift != last >> Page.shift
        }
        let frame = cached(cpu, file, offset >> Page.shift)
        if isFirst, !frame.isNone { memory.markAccessed(cpu, frame) }
    }

    private func make(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64, flags: UInt32) -> FrameNumber {
        let lock = cacheLock(file)
        lock.lock(cpu)
        defer { lock.unlock(cpu) }
        guard let slot = slot(cpu, file, page) else { return .none }
        let entry = CacheEntry(rawValue: slot.load(cpu, .pageCache))
        // Another fault may have been faster.
        guard entry.frame.isNone || cpu.lacks(.lookInCacheUnderLock) else { return entry.frame }
        if !entry.storedFrame.isNone {
            slot.store(cpu, CacheEntry.folio(entry.storedFrame, order: 0).rawValue, .pageCache)
            return entry.storedFrame
        }
        let isMemory = files[file].kind == .memory
        let isCharged = files[file].charge == .byPage
        // Whose task it is that asks is not known here: nothing is kept back for others (user_reserve_kbytes).
        if isCharged, (try? commit(cpu, pages: 1, mapped: 0)) == nil { return .none }
        let frame = memory.allocate(cpu, .zeroed)
        guard !frame.isNone else {
            if isCharged { uncommit(cpu, pages: 1) }
            return .none
        }
        memory.initialize(
            cpu, frame, .file, flags: flags | (isMemory ? FrameFlags.swapBacked : 0), references: 1, mappings: 0,
            mapping: file.index, index: page)
        slot.store(cpu, CacheEntry.folio(frame, order: 0).rawValue, .pageCache)
        countIndexed(file, 1)
        return frame
    }

    /// The word that holds a page's entry, with all nodes on the way made; nil where memory is used up.
    private func slot(_ cpu: CPU, _ file: Handle<FileRecord>, _ page: UInt64) -> Word64? {
        let needed = levels(for: page)
        var index = index(of: file)
        while index.height < needed {
            guard let node = makeNode(cpu) else { return nil }
            if !index.root.isNone {
                memory.word(node, 0).store(cpu, UInt64(index.root.rawValue), .pageCache)
            }
            index = CacheIndex(root: node, height: index.height + 1)
            setIndex(of: file, index)
        }
        var node = index.root
        for level in (1..<Swift.max(index.height, 1)).reversed() {
            let word = memory.word(node, Int(page >> UInt64(9 * level) & 511))
            var child = word.load(cpu, .pageCache)
            if child == 0 {
                guard let made = makeNode(cpu) else { return nil }
                child = UInt64(made.rawValue)
                word.store(cpu, child, .pageCache)
            }
            node = FrameNumber(UInt32(truncatingIfNeeded: child))
        }
        return memory.word(node, Int(page & 511))
    }

    private func makeNode(_ cpu: CPU) -> FrameNumber? {
        let node = memory.allocate(cpu, .unmovable)
        guard !node.isNone else { return nil }
        memory.zero(cpu, node)
        memory.initialize(
            cpu, node, .cacheNode, flags: FrameFlags.notZero, references: 1, mappings: 0, mapping: 0, index: 0)
        return node
    }

    /// Drops pages of [page, last) from the cache; the index goes when nothing is left in it. Mapped pages that go for
    /// good keep their frames until they are unmapped.
    func dropCache(
        _ cpu: CPU, _ file: Handle<FileRecord>, from page: UInt64, to last: UInt64 = .max, _ mode: DropMode = .forGood
    ) {
        let index = index(of: file)
        guard index.height > 0 else { return }
        drop(cpu, file, index.root, index.height - 1, base: 0, from: page, to: last, mode)
        // Faults may be looking into the index of a file that somebody still has.
        if cpu.isSequential || files[file].references == 0, files[file].indexedPages == 0 {
            freeNodes(cpu, index.root, index.height - 1)
            setIndex(of: file, CacheIndex(0))
        }
    }

    private func drop(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ node: FrameNumber, _ level: Int, base: UInt64, from page: UInt64,
        to last: UInt64, _ mode: DropMode
    ) {
        let span: UInt64 = 1 << UInt64(9 * level)
        for place in 0..<512 {
            let first = base + UInt64(place) * span
            if first + (span - 1) < page || first >= last { continue }
            let word = memory.word(node, place)
            let value = word.load(cpu, .pageCache)
            if value == 0 { continue }
            if level > 0 {
                drop(
                    cpu, file, FrameNumber(UInt32(truncatingIfNeeded: value)), level - 1, base: first, from: page,
                    to: last, mode)
                continue
            }
            drop(cpu, file, word, CacheEntry(rawValue: value), mode)
        }
    }

    /// Drops one page. A fault that maps it meanwhile holds its lock.
    private func drop(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ word: Word64, _ entry: CacheEntry, _ mode: DropMode
    ) {
        if mode == .unused, !isUnused(cpu, file, entry) { return }
        let frame = entry.frame
        let isLocked = !cpu.isSequential && !frame.isNone
        if isLocked {
            switch mode {
            case .forGood: memory.folioLock(frame).lock(cpu)
            case .unused: guard memory.folioLock(frame).tryLock(cpu) else { return }
            }
        }
        let isDropped = mode == .forGood || isUnused(cpu, file, entry)
        let stays = isDropped && mode == .unused && memory.has(cpu, frame, FrameFlags.onDisk)
        if stays { store(cpu, frame, in: word) }
        if isDropped, !stays {
            let lock = cacheLock(file)
            lock.lock(cpu)
            word.store(cpu, 0, .pageCache)
            countIndexed(file, -1)
            lock.unlock(cpu)
            if files[file].charge == .byPage { uncommit(cpu, pages: 1) }
        }
        if isLocked { memory.folioLock(frame).unlock(cpu) }
        if isDropped, !stays { memory.put(cpu, entry.anyFrame) }
    }

    /// Whether a cached page is clean and mapped by nobody. What a recorded file's pages hold, nobody asks.
    private func isUnused(_ cpu: CPU, _ file: Handle<FileRecord>, _ entry: CacheEntry) -> Bool {
        !entry.frame.isNone && memory.mapcount(entry.frame).load(cpu, .mapcount) == 0
            && (files[file].kind == .recorded || !memory.has(cpu, entry.frame, FrameFlags.dirty))
    }

    /// A clean page leaves the cache, and nothing of what was known of its use stays.
    private func store(_ cpu: CPU, _ frame: FrameNumber, in word: Word64) {
        let state = FrameFlags.referenced | FrameFlags.active | FrameFlags.readahead
        memory.flags(frame).clear(cpu, bits: state, .frameFlags)
        word.store(cpu, CacheEntry.stored(frame).rawValue, .pageCache)
    }

    /// Moves the pages from `first` on to other places of the file, all of them to the disk first: that is where they are
    /// moved.
    func shiftPages(_ cpu: CPU, _ file: Handle<FileRecord>, from first: UInt64, by distance: UInt64) {
        var moved: [(page: UInt64, entry: CacheEntry)] = []
        let last = pages(of: file)
        for page in first..<Swift.max(first, last) {
            let found = entry(cpu, file, page)
            if found.isNone { continue }
            moved.append((page, found))
            slot(cpu, file, page)?.store(cpu, 0, .pageCache)
        }
        for (page, entry) in moved {
            guard let slot = slot(cpu, file, page &+ distance) else { continue }
            let frame = entry.anyFrame
            memory.flags(frame).clear(cpu, bits: FrameFlags.dirty, .frameFlags)
            memory.flags(frame).set(cpu, bits: FrameFlags.onDisk, .frameFlags)
            memory.setIndex(frame, page &+ distance)
            store(cpu, frame, in: slot)
        }
    }

    private func freeNodes(_ cpu: CPU, _ node: FrameNumber, _ level: Int) {
        if level > 0 {
            for place in 0..<512 {
                let value = memory.word(node, place).load(cpu, .pageCache)
                if value != 0 { freeNodes(cpu, FrameNumber(UInt32(truncatingIfNeeded: value)), level - 1) }
            }
        }
        memory.free(cpu, node, unmovable: true)
    }
}
