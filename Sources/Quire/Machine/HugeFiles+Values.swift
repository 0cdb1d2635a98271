// Reading and writing the files of /sys/kernel/mm/transparent_hugepage on a machine.

extension Machine {
    /// Writes a file as the kernel would take it: one line feed at the end is allowed. False: it refuses the value.
    func write(_ file: HugeFile, _ text: String) -> Bool {
        let isLine = text.utf8.last == UInt8(ascii: "\n")
        let value = isLine ? String(decoding: text.utf8.dropLast(), as: UTF8.self) : text
        switch file {
        case .enabled:
            guard let policy = HugePagePolicy(name: value) else { return false }
            core.settings.sizes.set(global: policy)
        case .sizeEnabled(let order):
            guard let policy = SizePolicy(name: value) else { return false }
            core.settings.sizes.set(order: order, policy)
        case .defrag:
            guard let mode = HugeDefrag.allCases.first(where: { $0.name == value }) else { return false }
            core.settings.huge.defrag = mode
        case .useZeroPage:
            guard let number = decimal(value), number <= 1 else { return false }
            core.settings.useHugeZeroPage = number == 1
        case .shrinkUnderused:
            guard let isOn = truth(value) else { return false }
            core.settings.huge.shrinkUnderused = isOn
        case .shmemEnabled: return setShmem(value)
        case .sizeShmem(let order): return setShmem(value, order: order)
        case .khugepaged(let file): return write(file, value)
        case .pmdSize, .statistic, .nothing: return false
        }
        return true
    }

    /// The text of a file without its line feed.
    func read(_ file: HugeFile) -> String {
        let settings = core.settings
        switch file {
        case .enabled: return chosen(HugePagePolicy.names, settings.sizes.global.name)
        case .sizeEnabled(let order): return chosen(SizePolicy.names, settings.sizes.policy(order: order).name)
        case .defrag: return chosen(HugeDefrag.allCases.map { $0.name }, settings.huge.defrag.name)
        case .useZeroPage: return settings.useHugeZeroPage ? "1" : "0"
        case .shrinkUnderused: return settings.huge.shrinkUnderused ? "1" : "0"
        case .shmemEnabled: return chosen(ShmemHuge.ofAll.map { $0.name }, settings.huge.shmem.name)
        case .sizeShmem(let order):
            return chosen(ShmemHuge.ofSize.map { $0.name }, settings.huge.shmemOfSize[order].name)
        case .pmdSize: return String(Page.size << UInt64(FolioOrder.huge))
        case .khugepaged(let file): return read(file)
        case .statistic(let statistic, let order): return String(sum(of: statistic, order: order))
        case .nothing: return "0"
        }
    }

    /// A statistic of all CPUs.
    private func sum(of statistic: FolioStatistic, order: Int) -> Int64 {
        var total: Int64 = 0
        for index in 0..<configuration.cpus { total += cpu(index).value(of: statistic, order: order) }
        return total
    }

    private func write(_ file: HugeFile.KhugepagedFile, _ value: String) -> Bool {
        guard let number = decimal(value), number <= UInt64(UInt32.max) else { return false }
        let small = UInt32(number)
        switch file {
        case .defrag:
            guard small <= 1 else { return false }
            core.settings.huge.khugepaged.defrag = small == 1
        case .max_ptes_none where small < 512: core.settings.huge.khugepaged.maxNone = small
        case .max_ptes_swap where small < 512: core.settings.huge.khugepaged.maxSwap = small
        case .max_ptes_shared where small < 512: core.settings.huge.khugepaged.maxShared = small
        case .pages_to_scan where small > 0: core.settings.huge.khugepaged.pagesToScan = small
        case .scan_sleep_millisecs: core.settings.huge.khugepaged.scanSleep = small
        case .alloc_sleep_millisecs: core.settings.huge.khugepaged.allocationSleep = small
        default: return false
        }
        return true
    }

    private func read(_ file: HugeFile.KhugepagedFile) -> String {
        let settings = core.settings.huge.khugepaged
        return switch file {
        case .defrag: settings.defrag ? "1" : "0"
        case .max_ptes_none: String(settings.maxNone)
        case .max_ptes_swap: String(settings.maxSwap)
        case .max_ptes_shared: String(settings.maxShared)
        case .pages_to_scan: String(settings.pagesToScan)
        case .scan_sleep_millisecs: String(settings.scanSleep)
        case .alloc_sleep_millisecs: String(settings.allocationSleep)
        case .pages_collapsed: String(settings.pagesCollapsed)
        case .full_scans: String(settings.fullScans)
        }
    }

    /// Forcing huge pages leaves no room for other sizes that ask this file.
    private func setShmem(_ value: String) -> Bool {
        guard let policy = ShmemHuge.ofAll.first(where: { $0.name == value }) else { return false }
        if policy == .force {
            for order in 1...FolioOrder.huge {
                let inherits = core.settings.huge.shmemOfSize[order] == .inherit
                guard inherits == (order == FolioOrder.huge) else { return false }
            }
        }
        core.settings.huge.shmem = policy
        return true
    }

    private func setShmem(_ value: String, order: Int) -> Bool {
        guard let policy = ShmemHuge.ofSize.first(where: { $0.name == value }) else { return false }
        if policy == .inherit, core.settings.huge.shmem == .force, order != FolioOrder.huge { return false }
        core.settings.huge.shmemOfSize[order] = policy
        return true
    }

    /// A number as kstrtouint reads it with base 10.
    private func decimal(_ text: String) -> UInt64? {
        text.utf8.allSatisfy { $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") } ? UInt64(text) : nil
    }

    /// A truth value as kstrtobool reads it: by the first letter or the first two.
    private func truth(_ text: String) -> Bool? {
        let letters = text.utf8.prefix(2).map { $0 | 0x20 }
        switch letters.first {
        case UInt8(ascii: "1"), UInt8(ascii: "y"), UInt8(ascii: "t"): return true
        case UInt8(ascii: "0"), UInt8(ascii: "n"), UInt8(ascii: "f"): return false
        case UInt8(ascii: "o"):
            return letters.last == UInt8(ascii: "n") ? true : letters.last == UInt8(ascii: "f") ? false : nil
        default: return nil
        }
    }

    /// Choices as the kernel's files list them: `always [madvise] never`.
    private func chosen(_ names: [String], _ choice: String) -> String {
        names.map { $0 == choice ? "[" + $0 + "]" : $0 }.joined(separator: " ")
    }
}
