// From the core's numbers to the report's: a process as /proc shows it.

import Quire

extension ProcessReport {
    /// A process of the model; with its areas or without.
    init(_ process: Process, pid: Int, areas: Bool) {
        let status = process.status()
        self.init(pid: pid)
        self.status.vmPeak = status.peak
        self.status.vmSize = status.size
        self.status.vmLck = status.locked
        self.status.vmPin = status.pinned
        self.status.vmHWM = status.highWater
        self.status.vmRSS = status.resident
        self.status.rssAnon = status.anonymous
        self.status.rssFile = status.file
        self.status.rssShmem = status.shared
        self.status.vmData = status.data
        self.status.vmPTE = status.pageTables
        self.status.vmSwap = status.swap
        stat = Stat(minflt: status.minorFaults, majflt: status.majorFaults)
        pagetables = PageTables(status)
        if areas { smaps = process.areaReports().map(Area.init) }
    }
}

extension ProcessReport.PageTables {
    /// Tables by level; the lowest is the first.
    init(_ status: ProcessStatus) {
        let levels = status.tables.map { UInt64(max(0, $0)) }
        func level(_ index: Int) -> UInt64 { index < levels.count ? levels[index] : 0 }
        self.init()
        pte = level(0)
        pmd = level(1)
        pud = levels.count > 3 ? level(2) : 0
        p4d = levels.count > 4 ? level(3) : 0
        pgd = levels.last ?? 0
        emptyPTE = UInt64(max(0, status.emptyTables))
        peakPTE = UInt64(max(0, status.peakTables)) << 2
    }
}

extension ProcessReport.Area {
    /// An area of the model. What it has no mechanism for is 0: there are no such pages.
    init(_ area: AreaReport) {
        self.init(start: area.start, end: area.end, perms: area.permissions)
        offset = area.offset
        inode = area.inode
        path = area.path
        size = (area.end - area.start) >> 10
        kernelPageSize = 4
        rss = area.rss
        pss = area.pss
        sharedClean = area.sharedClean
        sharedDirty = area.sharedDirty
        privateClean = area.privateClean
        privateDirty = area.privateDirty
        referenced = area.referenced
        anonymous = area.anonymous
        ksm = 0
        lazyFree = area.lazyFree
        anonHugePages = area.anonymousHuge
        shmemPmdMapped = 0
        sharedHugetlb = 0
        privateHugetlb = 0
        swap = 0
        swapPss = 0
        locked = area.locked
        thpEligible = area.isHugePageEligible ? 1 : 0
        vmFlags = area.flags.letters
    }
}
