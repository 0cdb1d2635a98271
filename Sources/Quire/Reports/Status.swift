// What /proc/PID/status and /proc/PID/stat say of a process, as numbers. Linux: task_mem, proc_pid_statm.

/// The memory numbers of a process. Sizes are kB, as /proc prints them.
public struct ProcessStatus: Hashable, Sendable {
    /// The most address space there was, and what there is (VmPeak, VmSize).
    public var peak: UInt64, size: UInt64
    /// Locked and pinned (VmLck, VmPin).
    public var locked: UInt64, pinned: UInt64
    /// The most that was resident, and what is (VmHWM, VmRSS).
    public var highWater: UInt64, resident: UInt64
    /// Resident by kind (RssAnon, RssFile, RssShmem).
    public var anonymous: UInt64, file: UInt64, shared: UInt64
    /// Private writable address space without stacks (VmData).
    public var data: UInt64
    /// Stacks that grow (VmStk), and code that is mapped (VmExe and VmLib together).
    public var stack: UInt64, code: UInt64
    /// All page tables but the top one (VmPTE).
    public var pageTables: UInt64
    /// In swap (VmSwap).
    public var swap: UInt64
    /// Faults served without and with waiting for a device.
    public var minorFaults: UInt64, majorFaults: UInt64
    /// Tables by level: PTE first; the last is the top one.
    public var tables: [Int]
    /// PTE tables in which every entry is none, and the most PTE tables there were at once.
    public var emptyTables: Int, peakTables: Int
}

extension Process {
    /// The numbers of /proc/PID/status, stat, and of the page tables. O(levels × CPUs).
    public func status() -> ProcessStatus {
        let space = self.space
        let numbers = space.numbers
        func kB(_ pages: UInt64) -> UInt64 { pages << 2 }
        func pages(_ counter: Int) -> UInt64 { UInt64(Swift.max(0, space.count(counter))) }
        let faults = faults
        let tables = space.tables
        let cpu = main.cpu
        var byLevel: [Int] = []
        for level in 0..<(tables.format.levels - 1) { byLevel.append(tables.tables(cpu, level: level)) }
        byLevel.append(1)
        return ProcessStatus(
            peak: kB(Swift.max(numbers.peakPages, numbers.totalPages)), size: kB(numbers.totalPages),
            locked: kB(numbers.lockedPages), pinned: kB(numbers.pinnedPages),
            highWater: kB(Swift.max(numbers.peakResident, space.residentPages)), resident: kB(space.residentPages),
            anonymous: kB(pages(SpaceCounter.anonymous)), file: kB(pages(SpaceCounter.file)),
            shared: kB(pages(SpaceCounter.shared)), data: kB(numbers.dataPages),
            stack: kB(numbers.stackPages), code: kB(numbers.codePages), pageTables: tables.bytes(cpu) >> 10,
            swap: kB(pages(SpaceCounter.swap)), minorFaults: UInt64(Swift.max(0, faults.minor)),
            majorFaults: UInt64(Swift.max(0, faults.major)), tables: byLevel, emptyTables: tables.emptyTables,
            peakTables: tables.peakTables(cpu))
    }
}
