// A process as /proc shows it: status, stat, smaps and its page tables. Sizes are kB, as /proc prints them; nil is what
// a side cannot observe. Names are the kernel's, so that a reader of /proc knows them.

/// A process at one point of a run.
public struct ProcessReport: Hashable, Sendable {
    /// The recorded pid, or the order of creation.
    public var pid: Int
    /// From /proc/PID/status.
    public var status: Status
    /// From /proc/PID/stat.
    public var stat: Stat
    /// From /proc/PID/smaps; nil for a process reported just before its end.
    public var smaps: [Area]?
    /// The page tables themselves; nil where they cannot be observed.
    public var pagetables: PageTables?
    /// What of VmLck is a live process's own memory outside of the workload's window, kB; not part of the report. The
    /// kernel counts an area's pages in 32 bits there, so that locking 8 TiB or more may take something off.
    public var lockedOutside: Int64 = 0

    /// A process with all that is known about it.
    public init(
        pid: Int, status: Status = Status(), stat: Stat = Stat(), smaps: [Area]? = nil, pagetables: PageTables? = nil
    ) {
        self.pid = pid
        self.status = status
        self.stat = stat
        self.smaps = smaps
        self.pagetables = pagetables
    }

    /// The memory lines of /proc/PID/status, kB.
    public struct Status: Hashable, Sendable {
        public var vmPeak: UInt64?
        public var vmSize: UInt64?
        public var vmLck: UInt64?
        public var vmPin: UInt64?
        public var vmHWM: UInt64?
        public var vmRSS: UInt64?
        public var rssAnon: UInt64?
        public var rssFile: UInt64?
        public var rssShmem: UInt64?
        public var vmData: UInt64?
        public var vmPTE: UInt64?
        public var vmSwap: UInt64?

        /// Nothing observed yet.
        public init() {}

        /// The lines in /proc's order.
        var entries: [(key: String, value: UInt64?)] {
            [
                ("VmPeak", vmPeak), ("VmSize", vmSize), ("VmLck", vmLck), ("VmPin", vmPin), ("VmHWM", vmHWM),
                ("VmRSS", vmRSS), ("RssAnon", rssAnon), ("RssFile", rssFile), ("RssShmem", rssShmem),
                ("VmData", vmData), ("VmPTE", vmPTE), ("VmSwap", vmSwap),
            ]
        }
    }

    /// Fault counts.
    public struct Stat: Hashable, Sendable {
        /// Faults that needed no I/O.
        public var minflt: UInt64?
        /// Faults that waited for I/O.
        public var majflt: UInt64?

        /// Fault counts.
        public init(minflt: UInt64? = nil, majflt: UInt64? = nil) {
            self.minflt = minflt
            self.majflt = majflt
        }
    }

    /// Tables per level.
    public struct PageTables: Hashable, Sendable {
        public var pgd: UInt64 = 0
        public var p4d: UInt64 = 0
        public var pud: UInt64 = 0
        public var pmd: UInt64 = 0
        public var pte: UInt64 = 0
        /// PTE tables without an entry.
        public var emptyPTE: UInt64 = 0
        /// The most that PTE tables ever took, kB.
        public var peakPTE: UInt64 = 0

        /// No tables.
        public init() {}

        /// Tables of all levels.
        public var total: UInt64 { pgd &+ p4d &+ pud &+ pmd &+ pte }
    }

    /// One area of smaps; sizes in kB.
    public struct Area: Hashable, Sendable {
        public var start: UInt64
        public var end: UInt64
        /// `rw-p`, as in /proc/PID/maps.
        public var perms: String
        public var offset: UInt64 = 0
        public var inode: UInt64 = 0
        public var path = ""
        public var size: UInt64?
        public var kernelPageSize: UInt64?
        public var rss: UInt64?
        public var pss: UInt64?
        public var sharedClean: UInt64?
        public var sharedDirty: UInt64?
        public var privateClean: UInt64?
        public var privateDirty: UInt64?
        public var referenced: UInt64?
        public var anonymous: UInt64?
        public var ksm: UInt64?
        public var lazyFree: UInt64?
        public var anonHugePages: UInt64?
        public var shmemPmdMapped: UInt64?
        public var sharedHugetlb: UInt64?
        public var privateHugetlb: UInt64?
        public var swap: UInt64?
        public var swapPss: UInt64?
        public var locked: UInt64?
        public var thpEligible: UInt64?
        /// The two-letter flags, in the kernel's order.
        public var vmFlags: [String] = []

        /// An area with nothing observed in it yet.
        public init(start: UInt64, end: UInt64, perms: String) {
            self.start = start
            self.end = end
            self.perms = perms
        }

        var entries: [(key: String, value: UInt64?)] {
            [
                ("Size", size), ("KernelPageSize", kernelPageSize), ("Rss", rss), ("Pss", pss),
                ("Shared_Clean", sharedClean), ("Shared_Dirty", sharedDirty), ("Private_Clean", privateClean),
                ("Private_Dirty", privateDirty), ("Referenced", referenced), ("Anonymous", anonymous), ("KSM", ksm),
                ("LazyFree", lazyFree), ("AnonHugePages", anonHugePages), ("ShmemPmdMapped", shmemPmdMapped),
                ("Shared_Hugetlb", sharedHugetlb), ("Private_Hugetlb", privateHugetlb), ("Swap", swap),
                ("SwapPss", swapPss), ("Locked", locked), ("THPeligible", thpEligible),
            ]
        }
    }
}

extension JSONWriter {
    /// A process of the report.
    public mutating func value(_ process: ProcessReport) {
        beginObject()
        key("pid")
        value(signed: Int64(process.pid))
        key("status")
        beginObject()
        for (name, number) in process.status.entries {
            key(name)
            value(number)
        }
        endObject()
        key("stat")
        beginObject()
        key("minflt")
        value(process.stat.minflt)
        key("majflt")
        value(process.stat.majflt)
        endObject()
        if let areas = process.smaps {
            key("smaps")
            beginArray(lines: true)
            for area in areas { value(area) }
            endArray()
        }
        key("pagetables")
        value(process.pagetables)
        endObject()
    }

    private mutating func value(_ area: ProcessReport.Area) {
        beginObject()
        key("start")
        value(area.start)
        key("end")
        value(area.end)
        key("perms")
        value(area.perms)
        key("offset")
        value(area.offset)
        key("inode")
        value(area.inode)
        key("path")
        value(area.path)
        for (name, number) in area.entries {
            key(name)
            value(number)
        }
        key("VmFlags")
        beginArray()
        for flag in area.vmFlags { value(flag) }
        endArray()
        endObject()
    }

    private mutating func value(_ tables: ProcessReport.PageTables?) {
        guard let tables else { return null() }
        let entries = [
            ("pgd", tables.pgd), ("p4d", tables.p4d), ("pud", tables.pud), ("pmd", tables.pmd), ("pte", tables.pte),
            ("empty_pte", tables.emptyPTE), ("peak_pte_kB", tables.peakPTE),
        ]
        beginObject()
        for (name, number) in entries {
            key(name)
            value(number)
        }
        endObject()
    }
}
