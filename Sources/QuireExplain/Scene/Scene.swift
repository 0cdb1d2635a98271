// A process at one moment, as values: its areas with their pages, its page tables. What a step compares and draws. Taken
// from the core's public reports (smaps, status).

public import Quire

/// An area and the letter of its anon_vma.
public struct AreaScene: Hashable, Sendable {
    /// The area as smaps shows it. What is never drawn is 0, so that scenes differ where pictures do.
    public var report: AreaReport
    /// The letter of its anon_vma, the same in all processes; nil where it has none.
    public var anonVMA: String?

    init(_ area: AreaReport, anonVMA: String?) {
        var report = AreaReport(start: area.start, end: area.end, flags: area.flags)
        report.offset = area.offset
        report.inode = area.inode
        report.path = area.path
        report.pageOffset = area.pageOffset
        report.rss = area.rss
        report.sharedDirty = area.sharedClean + area.sharedDirty
        report.anonymous = area.anonymous
        report.lazyFree = area.lazyFree
        self.report = report
        self.anonVMA = anonVMA
    }

    var start: UInt64 { report.start }
    var end: UInt64 { report.end }
    var size: UInt64 { report.end - report.start }

    /// Resident pages, and those of them that have other mappings too.
    var pages: UInt64 { report.rss >> 2 }
    var sharedPages: UInt64 { report.sharedDirty >> 2 }

    /// Whether both areas, of whatever range, are the same kind of memory: what can be seen of them but their pages.
    func isAlike(_ other: AreaScene) -> Bool {
        report.flags == other.report.flags && report.inode == other.report.inode && report.path == other.report.path
            && anonVMA == other.anonVMA && shift == other.shift
    }

    /// The page offset where address 0 would be: pieces of one area agree in it.
    private var shift: UInt64 { report.pageOffset &- report.start >> Page.shift }
}

/// A process.
public struct ProcessScene: Hashable, Sendable {
    /// The recorded pid, or the order of creation.
    public var pid: Int
    /// In order of address.
    public var areas: [AreaScene]
    /// Tables by level, PTE first; PTE tables without an entry; VmPTE in kB.
    public var tables: [Int]
    public var emptyTables: Int
    public var tableSize: UInt64

    var pages: UInt64 { areas.reduce(0) { $0 + $1.pages } }

    /// Whether two scenes differ in nothing but how many of the pages are shared: another process has done something.
    func differsInSharingOnly(from other: ProcessScene) -> Bool {
        guard tables == other.tables, areas.count == other.areas.count else { return false }
        return zip(areas, other.areas).allSatisfy { one, other in
            var one = one
            one.report.sharedDirty = other.report.sharedDirty
            return one == other
        }
    }

    init(_ process: Process, _ letters: inout AnonLetters) {
        pid = process.pid
        areas = process.areaReports().map { AreaScene($0, anonVMA: letters.letter(of: $0.anonVMA)) }
        let status = process.status()
        tables = status.tables
        emptyTables = status.emptyTables
        tableSize = status.pageTables
    }
}

/// Gives anon_vmas letters in the order in which they show themselves.
struct AnonLetters {
    private var known: [UInt64: String] = [:]

    mutating func letter(of number: UInt64?) -> String? {
        guard let number else { return nil }
        if let letter = known[number] { return letter }
        var rest = known.count
        var letter = ""
        repeat {
            letter = String(UnicodeScalar(UInt8(0x41 + rest % 26))) + letter
            rest = rest / 26 - 1
        } while rest >= 0
        known[number] = letter
        return letter
    }
}
