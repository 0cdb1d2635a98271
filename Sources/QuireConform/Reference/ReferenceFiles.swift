// Files of the reference model: bytes by page, and descriptors as numbers. What leaves a file leaves every mapping of it.
// Linux: do_ftruncate, vfs_fallocate, shmem_fallocate, shmem_file_read_iter, generic_perform_write.

/// Bytes that were read, or how the call failed.
enum ReferenceBytes {
    case bytes([UInt8])
    case error(String)
}

extension ReferenceSpace {
    /// The most bytes that one call moves.
    private static let mostMoved: UInt64 = 0x7FFF_F000
    private static let largest = UInt64(Int64.max)

    // MARK: Descriptors

    private func file(_ descriptor: UInt64) -> ReferenceFile? { descriptors[descriptor & 0xFFFF_FFFF] }

    /// Puts a file at the lowest free number.
    func open(_ file: ReferenceFile) -> UInt64 {
        var number: UInt64 = 3
        while descriptors[number] != nil { number += 1 }
        descriptors[number] = file
        return number
    }

    func dup(_ descriptor: UInt64) -> ReferenceResult {
        guard let file = file(descriptor) else { return .error("EBADF") }
        return .value(open(file))
    }

    func close(_ descriptor: UInt64) -> String? {
        descriptors.removeValue(forKey: descriptor & 0xFFFF_FFFF) == nil ? "EBADF" : nil
    }

    func seal(_ descriptor: UInt64, _ seals: UInt64) -> String? {
        guard let file = file(descriptor) else { return "EBADF" }
        if seals & ~63 != 0 { return "EINVAL" }
        if file.seals.contains(.seal) { return "EPERM" }
        var new = ReferenceSeals(rawValue: seals)
        if new.contains(.execute), file.isExecutable { new.formUnion([.shrink, .grow, .write, .futureWrite]) }
        let isWritable = spaces.contains { space in
            space.areas.values.contains { $0.file === file && $0.isShared && !$0.flags.contains(.sealed) }
        }
        if new.contains(.write), !file.seals.contains(.write), isWritable { return "EBUSY" }
        file.seals.formUnion(new)
        return nil
    }

    /// Whether nobody may write.
    private func isSealed(_ file: ReferenceFile) -> Bool { !file.seals.isDisjoint(with: [.write, .futureWrite]) }

    // MARK: Sizes

    func ftruncate(_ descriptor: UInt64, _ size: UInt64) -> String? {
        if size > Self.largest { return "EINVAL" }
        guard let file = file(descriptor) else { return "EBADF" }
        let old = file.size
        if size < old && file.seals.contains(.shrink) || size > old && file.seals.contains(.grow) { return "EPERM" }
        file.size = size
        if size < old {
            let first = file.pageCount
            unmapEverywhere(file, first..<(1 << 52), copiesToo: true)
            for page in file.pages.keys where page >= first { file.pages[page] = nil }
            clear(file, size, first << 12)
        }
        return nil
    }

    func fallocate(_ descriptor: UInt64, _ mode: UInt64, _ offset: UInt64, _ length: UInt64) -> String? {
        guard let file = file(descriptor) else { return "EBADF" }
        let mode = mode & 0xFFFF_FFFF
        if offset > Self.largest || length == 0 || length > Self.largest { return "EINVAL" }
        let known: [UInt64] = [0, 1, 0x10, 0x11, 0x40, 0x41, 3, 8, 0x20, 0x80]
        if !known.contains(mode) { return "EOPNOTSUPP" }
        if offset + length > Self.largest { return "EFBIG" }
        switch mode {
        case 3:
            if isSealed(file) { return "EPERM" }
            punch(file, offset, offset + length)
        case 0, 1:
            if file.seals.contains(.grow), offset + length > file.size { return "EPERM" }
            for page in (offset >> 12)..<((offset + length + 4095) >> 12) {
                let isNew = file.pages[page] == nil
                let made = file.page(at: page)
                made.isFilled = !isNew
                made.isDirty = true
            }
            if mode == 0 { file.size = max(file.size, offset + length) }
        default: return "EOPNOTSUPP"
        }
        return nil
    }

    /// Takes bytes out of a file: whole pages go from the mappings too, but not the copies that were made of them.
    func punch(_ file: ReferenceFile, _ start: UInt64, _ end: UInt64) {
        let (first, last) = ((start + 4095) >> 12, end >> 12)
        if first > last { return clear(file, start, end) }
        clear(file, start, first << 12)
        clear(file, last << 12, end)
        unmapEverywhere(file, first..<last, copiesToo: false)
        for page in file.pages.keys where page >= first && page < last { file.pages[page] = nil }
    }

    /// Makes bytes inside of one page zero.
    private func clear(_ file: ReferenceFile, _ start: UInt64, _ end: UInt64) {
        guard start < end, let page = file.pages[start >> 12] else { return }
        page.isDirty = true
        for place in start..<end { page.bytes?[Int(place & 4095)] = 0 }
    }

    private func unmapEverywhere(_ file: ReferenceFile, _ range: Range<UInt64>, copiesToo: Bool) {
        for space in spaces {
            for (page, area) in space.areas where area.file === file && range.contains(page &+ area.shift) {
                guard case .page(let memory) = space.entries[page], copiesToo || !memory.isAnonymous else { continue }
                space.unmap(page)
            }
        }
    }

    // MARK: Contents

    /// Checks what both directions check. The bytes to move, or the error.
    private func checkedCount(_ count: UInt64, _ offset: UInt64) -> ReferenceResult {
        if count > Self.largest || offset + count > Self.largest { return .error("EINVAL") }
        return .value(min(count, Self.mostMoved))
    }

    /// pread64 into the report.
    func read(_ descriptor: UInt64, _ count: UInt64, _ offset: UInt64) -> ReferenceBytes {
        if offset > Self.largest { return .error("EINVAL") }
        guard let file = file(descriptor) else { return .error("EBADF") }
        switch checkedCount(count, offset) {
        case .value(let count): return .bytes(bytes(file, offset, count))
        case .error(let name): return .error(name)
        case .open, .retire: return .bytes([])
        }
    }

    private func bytes(_ file: ReferenceFile, _ offset: UInt64, _ count: UInt64) -> [UInt8] {
        guard offset < file.size else { return [] }
        var found: [UInt8] = []
        for place in offset..<(offset + min(count, file.size - offset)) {
            found.append(file.pages[place >> 12]?.bytes?[Int(place & 4095)] ?? 0)
        }
        return found
    }

    /// pread64 into memory: as far as memory can be written.
    func read(_ descriptor: UInt64, _ address: UInt64, _ count: UInt64, _ offset: UInt64) -> ReferenceResult {
        if offset > Self.largest { return .error("EINVAL") }
        guard let file = file(descriptor) else { return .error("EBADF") }
        if isForeign(address, count) { return .error("EFAULT") }
        guard case .value(let most) = checkedCount(count, offset) else { return checkedCount(count, offset) }
        let size = offset < file.size ? min(most, file.size - offset) : 0
        if size >> 12 > Self.mostPages { return .retire("reading \(size >> 20) MiB") }
        var done: UInt64 = 0
        while done < size {
            let at = address + done
            // Up to the end of a page of memory or of the file, whichever comes first.
            let piece = min(size - done, 4096 - at & 4095, 4096 - (offset + done) & 4095)
            if access(at, write: true) != nil { break }
            write(at, bytes(file, offset + done, piece))
            done += piece
        }
        return done == 0 && size > 0 ? .error("EFAULT") : .value(done)
    }

    /// pwrite64 from memory: as far as memory can be read.
    func write(_ descriptor: UInt64, _ address: UInt64, _ count: UInt64, _ offset: UInt64) -> ReferenceResult {
        if offset > Self.largest { return .error("EINVAL") }
        guard let file = file(descriptor) else { return .error("EBADF") }
        if isForeign(address, count) { return .error("EFAULT") }
        guard case .value(let size) = checkedCount(count, offset) else { return checkedCount(count, offset) }
        var done: UInt64 = 0
        while done < size {
            let at = address + done
            let asked = min(size - done, 4096 - (offset + done) & 4095)
            if isSealed(file) || file.seals.contains(.grow) && offset + done + asked > file.size {
                return done == 0 ? .error("EPERM") : .value(done)
            }
            let piece = min(asked, 4096 - at & 4095)
            // The page of the file comes first, and the file reaches up to it, even if there is nothing to write then.
            file.page(at: (offset + done) >> 12).isDirty = true
            file.size = max(file.size, offset + done)
            if access(at, write: false) != nil { break }
            put(file, offset + done, contents(at, Int(piece)))
            done += piece
        }
        return done == 0 && size > 0 ? .error("EFAULT") : .value(done)
    }

    /// pwrite64 of a text.
    func write(_ descriptor: UInt64, _ bytes: [UInt8], _ offset: UInt64) -> ReferenceResult {
        if offset > Self.largest { return .error("EINVAL") }
        guard let file = file(descriptor) else { return .error("EBADF") }
        guard case .value = checkedCount(UInt64(bytes.count), offset) else {
            return checkedCount(UInt64(bytes.count), offset)
        }
        if bytes.isEmpty { return .value(0) }
        let fits = file.seals.contains(.grow) ? file.size : .max
        if isSealed(file) { return .error("EPERM") }
        if offset + UInt64(bytes.count) > fits {
            // What comes before the page that would grow the file is written.
            let whole = 4096 - offset & 4095
            if whole >= UInt64(bytes.count) || offset + whole > fits { return .error("EPERM") }
            put(file, offset, Array(bytes.prefix(Int(whole))))
            return .value(whole)
        }
        put(file, offset, bytes)
        return .value(UInt64(bytes.count))
    }

    /// Whether a range is not a program's at all.
    private func isForeign(_ address: UInt64, _ count: UInt64) -> Bool {
        let end = Self.userEnd
        return count > end || address > end - count
    }

    /// Bytes into a file, page by page.
    private func put(_ file: ReferenceFile, _ offset: UInt64, _ bytes: [UInt8]) {
        for (index, byte) in bytes.enumerated() {
            let place = offset + UInt64(index)
            let page = file.page(at: place >> 12)
            page.isDirty = true
            if page.bytes == nil { page.bytes = [UInt8](repeating: 0, count: 4096) }
            page.bytes?[Int(place & 4095)] = byte
        }
        if !bytes.isEmpty { file.size = max(file.size, offset + UInt64(bytes.count)) }
    }

    // MARK: Memory

    /// Bytes of one page that can be accessed.
    func contents(_ address: UInt64, _ count: Int) -> [UInt8] {
        guard case .page(let memory) = entries[address >> 12], let bytes = memory.bytes else {
            return [UInt8](repeating: 0, count: count)
        }
        let offset = Int(address & 4095)
        return Array(bytes[offset..<(offset + count)])
    }

    /// Bytes into one page that can be written.
    func write(_ address: UInt64, _ bytes: [UInt8]) {
        guard case .page(let memory) = entries[address >> 12] else { return }
        var contents = memory.bytes ?? [UInt8](repeating: 0, count: 4096)
        for (index, byte) in bytes.enumerated() { contents[Int(address & 4095) + index] = byte }
        memory.bytes = contents
    }
}
