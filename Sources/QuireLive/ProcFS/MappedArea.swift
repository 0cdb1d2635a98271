// The areas of a live process: `MappedArea` is a line of /proc/PID/maps, `SmapsArea` the same with the counters of smaps;
// both are handed out one at a time, so that 60,000 areas take no more memory than one. maps is cheap. smaps walks the page
// tables of every area, a whole area under one hold of the mmap lock: the inspector reads it only where nothing else tells.
// Kernel counterpart: show_map_vma and show_smap in fs/proc/task_mmu.c.

/// One area (VMA) of a process.
public struct MappedArea: Hashable, Sendable {
    public var range: Range<UInt64>
    /// Four characters, such as `rw-p`.
    public var permissions: String
    public var offset: UInt64
    public var device: String
    public var inode: UInt64
    /// A file's path, a name in brackets, or nothing.
    public var path: String

    /// Anonymous memory of its own: a huge page mapped here keeps a table deposited for the day it is split.
    /// A private mapping of /dev/zero is anonymous too, but reads as a file; nobody has had one for decades.
    public var isAnonymous: Bool { inode == 0 && !isKernelMapped }

    /// Pages of a device or of the kernel, without `struct page`: walks of the page tables skip the whole area.
    public var isKernelMapped: Bool {
        if path.hasPrefix("[v") { return path.hasPrefix("[vvar") || path.hasPrefix("[vsyscall") }
        return path.hasPrefix("/dev/") && !path.hasPrefix("/dev/shm/") && !path.hasPrefix("/dev/zero")
            && !path.hasPrefix("/dev/hugepages")
    }

    /// Parses a line of maps, or the head of an area in smaps; nil if it is neither.
    public init?(parsing line: ArraySlice<UInt8>) {
        var fields = FieldParser(line)
        guard let start = fields.hexadecimal(), fields.take("-") != nil, let end = fields.hexadecimal(), start < end,
            fields.take(" ") != nil, let permissions = fields.word(), permissions.utf8.count == 4
        else { return nil }
        fields.skipSpaces()
        guard let offset = fields.hexadecimal() else { return nil }
        fields.skipSpaces()
        guard let device = fields.word() else { return nil }
        fields.skipSpaces()
        guard let inode = fields.decimal() else { return nil }
        fields.skipSpaces()
        range = start..<end
        self.permissions = permissions
        self.offset = offset
        self.device = device
        self.inode = inode
        path = fields.remainder()
    }

    /// Hands every area of process `pid` to `body`, in order of address.
    public static func forEach(
        of pid: Int, _ body: (MappedArea) throws(LiveError) -> Void
    ) throws(LiveError) {
        try forEachLine(of: pid, "maps") { (line, number) throws(LiveError) in
            guard let area = MappedArea(parsing: line) else {
                throw .malformed(file: "maps", line: number, text: String(decoding: line, as: UTF8.self))
            }
            try body(area)
        }
    }
}

/// One area with its counters.
public struct SmapsArea: Sendable {
    public var area: MappedArea
    /// Every `Name: number` line, by the kernel's name; amounts in kB, except `THPeligible` and `ProtectionKey`.
    public var counters: [String: UInt64] = [:]
    /// The two-letter codes of `VmFlags`.
    public var flags: [String] = []

    /// One counter in kB; zero if this kernel does not print it.
    public subscript(_ name: String) -> UInt64 { counters[name] ?? 0 }

    /// A hugetlb area: no PTE pages.
    public var isHugetlb: Bool { flags.contains("ht") }

    /// Hands every area of process `pid` to `body`, in order of address.
    ///
    /// - Returns: the longest read in nanoseconds: an upper bound for one hold of the mmap lock.
    @discardableResult
    public static func forEach(
        of pid: Int, _ body: (SmapsArea) throws(LiveError) -> Void
    ) throws(LiveError) -> UInt64 {
        var parser = SmapsParser()
        let longest = try forEachLine(of: pid, "smaps") { (line, number) throws(LiveError) in
            if let finished = try parser.take(line, number) { try body(finished) }
        }
        if let last = parser.current { try body(last) }
        return longest
    }
}

/// Puts the lines of smaps together to areas.
struct SmapsParser {
    private(set) var current: SmapsArea?

    /// Takes one line; returns the area before it if the line begins a new one.
    mutating func take(_ line: ArraySlice<UInt8>, _ number: Int) throws(LiveError) -> SmapsArea? {
        // Heads begin with a lower-case hexadecimal digit, counters with a capital. "Anonymous:" has no "-" after it.
        if let first = line.first, first < UInt8(ascii: "A") || first >= UInt8(ascii: "a"),
            let area = MappedArea(parsing: line)
        {
            defer { current = SmapsArea(area: area) }
            return current
        }
        guard current != nil, let colon = line.firstIndex(of: UInt8(ascii: ":")) else {
            throw .malformed(file: "smaps", line: number, text: String(decoding: line, as: UTF8.self))
        }
        let name = String(decoding: line[..<colon], as: UTF8.self)
        var value = FieldParser(line[(colon + 1)...])
        value.skipSpaces()
        if name == "VmFlags" {
            while let flag = value.word() {
                current?.flags.append(flag)
                value.skipSpaces()
            }
        } else if let amount = value.decimal() {
            current?.counters[name] = amount
        } else {
            throw .malformed(file: "smaps", line: number, text: String(decoding: line, as: UTF8.self))
        }
        return nil
    }
}
