// What lies at an address that a schedule point names: for tables of the cache lines that CPUs share. Not for hot paths.
// Machine/SharedPlaces.swift asks this and the pools. Part of the unsafe floor.

extension PhysicalMemory {
    /// What lies at an address of this machine's physical memory, its records or its shared state; nil: something else.
    func place(_ cpu: CPU, _ address: UInt64, cpus: Int) -> String? {
        let layout = Layout(frames: Int(frameCount), cpus: cpus)
        if let offset = unsafe Self.offset(address, base, layout.arenaBytes) {
            return contentsPlace(cpu, FrameNumber(UInt32(offset >> Int(Page.shift))), offset & Int(Page.offsetMask))
        }
        if let offset = unsafe Self.offset(address, records, layout.recordBytes) {
            return "record of " + name(cpu, FrameNumber(UInt32(offset / Self.recordBytes)))
        }
        guard let offset = unsafe Self.offset(address, UnsafeMutableRawPointer(mutating: parts), layout.stateBytes)
        else {
            return nil
        }
        if offset >= layout.perCPUOffset {
            return "lists of CPU " + String((offset - layout.perCPUOffset) / Self.perCPUStride)
        }
        if offset >= layout.rcuOffset {
            let line = (offset - layout.rcuOffset) / 64
            return line == 0 ? "RCU epoch" : "RCU and access section of CPU " + String(line - 1)
        }
        return offset >= layout.zoneOffset && offset < layout.formatOffset ? "zone" : "constants"
    }

    private static func offset(_ address: UInt64, _ start: UnsafeMutableRawPointer, _ bytes: Int) -> Int? {
        let from = UInt64(UInt(bitPattern: start))
        return address >= from && address - from < UInt64(bytes) ? Int(address - from) : nil
    }

    private func name(_ cpu: CPU, _ frame: FrameNumber) -> String {
        switch kind(cpu, frame) {
        case .free: "a free frame"
        case .anonymous: "an anonymous page"
        case .file: "a file's page"
        case .table: ["a PTE table", "a PMD table", "a PUD table", "a P4D table", "a PGD"][Swift.min(level(frame), 4)]
        case .zero: "the zero page"
        case .cacheNode: "a page cache node"
        case .gather: "a gather batch"
        case .raw: "an address space's frame"
        case .tail: "a folio's tail"
        }
    }

    private func contentsPlace(_ cpu: CPU, _ frame: FrameNumber, _ offset: Int) -> String {
        guard kind(cpu, frame) == .raw else { return name(cpu, frame) }
        return "address space: " + AddressSpaceBlock.name(ofOffset: offset)
    }

    /// What an operation touches beside the word that it names: the words of other CPUs that it reads, the epoch.
    func impliedWords(_ event: SyncEvent, _ cpu: CPU, cpus: Int) -> [(object: UInt64, isWrite: Bool)] {
        let epoch = unsafe UInt64(UInt(bitPattern: rcu.base))
        switch (event.kind, event.name) {
        case (.readSideEnter, .rcu): return [(epoch, false)]
        case (.gracePeriod, _): return [(epoch, true)] + (0..<UInt64(cpus)).map { (epoch + ($0 + 1) * 64, false) }
        // A flush looks whether each other CPU is in the middle of an access.
        case (.flush, _):
            return (0..<UInt64(cpus)).filter { $0 != UInt64(cpu.index) }.map { (epoch + ($0 + 1) * 64, false) }
        default: return []
        }
    }
}
