// The image that execve builds, which strace does not see: segments, bss, interpreter, stack, vdso. perf's MMAP2 records
// between the exec and the first user-mode fault become ordinary openat/mmap/close lines with `# image` behind them.
//
//        stack top - 8   file name   environment   arguments  |  aux vector, pointers  ...   mapped
//        |<------ written by the kernel without an exception ->|<- kernel-mode exceptions -->|
//
// The strings at the top are written through GUP before the stack has its place, so that no exception tells of them:
// `ImageBuilder` adds a touch line for their pages. Kernel counterpart: `load_elf_binary`, `setup_arg_pages`.

/// Collects what perf says about one image and writes it down when the image is complete.
struct ImageBuilder {
    private enum Part {
        case mapping(PerfEvent.Mapping, time: Int64)
        case touch(address: UInt64, write: Bool, time: Int64)
    }

    private static let pageSize: UInt64 = 4096
    /// The descriptor number of image lines: out of the way of the program's own.
    static let descriptor = 1000

    /// The task whose image it is.
    let tid: Int
    /// What the strings at the top of the stack take, as well as the recorder knows it.
    let stringBytes: UInt64
    private var parts: [Part] = []

    init(tid: Int, stringBytes: UInt64) {
        self.tid = tid
        self.stringBytes = stringBytes
    }

    mutating func add(_ mapping: PerfEvent.Mapping, time: Int64) { parts.append(.mapping(mapping, time: time)) }

    mutating func addTouch(address: UInt64, write: Bool, time: Int64) {
        parts.append(.touch(address: address, write: write, time: time))
    }

    /// The paths of the files that are mapped.
    var paths: [String] {
        parts.compactMap { part in
            if case .mapping(let mapping, _) = part, mapping.path.hasPrefix("/"), !mapping.path.hasPrefix("//") {
                mapping.path
            } else {
                nil
            }
        }
    }

    /// The image's lines. `clock` turns perf's time into strace's; `name` is what redaction makes of a path;
    /// `firstSegment` the true length of a file's first mapping.
    func lines(
        clock: (Int64) -> Int64, name: (String) -> String, firstSegment: (String) -> UInt64?
    ) -> [String] {
        var lines: [String] = []
        for part in parts {
            switch part {
            case .touch(let address, let write, let time):
                lines.append(
                    RecordingLine.touch(tid: tid, time: clock(time), address: address, write: write)
                        + " # kernel mode")
            case .mapping(let mapping, let time):
                let stamp = "\(tid) \(RecordingLine.stamp(clock(time))) "
                lines += self.lines(for: mapping, stamp: stamp, name: name, firstSegment: firstSegment)
            }
        }
        return lines
    }

    private func lines(
        for mapping: PerfEvent.Mapping, stamp: String, name: (String) -> String, firstSegment: (String) -> UInt64?
    ) -> [String] {
        let protection = RecordingLine.protection(mapping.permissions)
        let start = RecordingLine.hex(mapping.start)
        guard mapping.path.hasPrefix("/"), !mapping.path.hasPrefix("//") else {
            let isStack = mapping.path == "[stack]"
            let label = mapping.path == "//anon" ? "anon" : mapping.path
            var lines = [
                "\(stamp)mmap(\(start), \(mapping.length), \(protection), MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS"
                    + (isStack ? "|MAP_GROWSDOWN|MAP_STACK" : "") + ", -1, 0) = \(start) # image \(label)"
            ]
            if isStack, let strings = stringPages(stack: mapping) {
                lines.append(
                    "\(stamp)touch_write(\(RecordingLine.hex(strings.lowerBound)), \(strings.count))"
                        + " # image: argument strings, written by GUP")
            }
            return lines
        }
        var length = mapping.length
        if mapping.offset == 0, let real = firstSegment(mapping.path), real < length, real > 0 { length = real }
        let path = name(mapping.path)
        let offset = RecordingLine.hex(mapping.offset)
        let file = Self.descriptor
        return [
            "\(stamp)openat(AT_FDCWD, \(RecordingLine.quoted(path)), O_RDONLY|O_CLOEXEC) = \(file) # image",
            "\(stamp)mmap(\(start), \(length), \(protection), MAP_PRIVATE|MAP_FIXED, \(file), \(offset)) = \(start)"
                + " # image \(path)",
            "\(stamp)close(\(file)) = 0 # image",
        ]
    }

    /// The pages that hold the strings: from the page of the lowest one to the stack's top.
    ///
    /// The size is known exactly for the first program and estimated for those it starts; a kernel-mode exception on
    /// the stack corrects it, because pages that GUP has written do not fault.
    private func stringPages(stack: PerfEvent.Mapping) -> Range<UInt64>? {
        let (top, overflow) = stack.start.addingReportingOverflow(stack.length)
        guard !overflow, stack.length >= Self.pageSize else { return nil }
        var first = (top - min(max(stringBytes, 1), stack.length)) / Self.pageSize * Self.pageSize
        for part in parts {
            if case .touch(let address, _, _) = part, address >= first, address < top {
                first = (address / Self.pageSize + 1) * Self.pageSize
            }
        }
        return first < top ? first..<top : nil
    }
}
