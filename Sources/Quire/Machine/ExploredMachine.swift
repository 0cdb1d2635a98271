// What an explorer asks of a machine: whether an operation touches what was given back, and what an operation is called in
// words. A machine that is not explored is never asked. Part of the unsafe floor's neighbours: objects come as addresses.

extension Machine {
    /// What is broken where an operation of a CPU touches a page table, or the lock of one, that has been freed (INV-PT-UAF);
    /// else nil. `number`: whose operation; nil: a store that leaves a buffer. O(1).
    public func brokenUse(_ event: SyncEvent, by number: Int?) -> String? {
        func kind(_ frame: FrameNumber) -> FrameKind {
            number.map { core.memory.kindSeen(cpu($0), frame) } ?? core.memory.kindNow(frame)
        }
        switch event.name {
        case .entry:
            guard let place = core.memory.place(ofWord: event.object) else { return nil }
            let kind = kind(place.frame)
            if kind == .table || kind == .gather || kind == .cacheNode { return nil }
            return kind == .free
                ? "use after free: an entry of a page table that was freed"
                : "use after free: an entry of a page table that is something else by now"
        case .pte, .pmd:
            guard let frame = core.memory.frame(ofRecord: event.object) else { return nil }
            return kind(frame) == .free ? "use after free: the lock of a page table that was freed" : nil
        default: return nil
        }
    }

    /// Ends every process, lets go of every pin, drops all caches, and says what is still there: frames beyond frame 0 and the zero
    /// page, records, promised pages. Nil: nothing leaks. The machine is of no use afterwards but to go back to a checkpoint.
    public func leftOver() -> String? {
        for handle in pinTable.keys.sorted() {
            guard let pin = takePin(cpu(0), handle) else { continue }
            core.uncount(cpu(0), pin)
            core.dropPin(cpu(0), pin.first)
        }
        shutDown()
        for _ in 0..<4 { for index in 0..<configuration.cpus { afterCall(cpu(index)) } }
        let frames = self.frames
        let counts: [(what: String, count: Int)] = [
            ("frames", Int(frames.total - frames.free) - 2), ("areas", core.areas.used),
            ("tree nodes", core.nodes.used),
            ("trees", core.trees.used), ("address spaces", core.spaces.used), ("anon_vmas", core.anonVMAs.used),
            ("links", core.links.used), ("files", core.files.used), ("area extras", core.extrasPool.used),
            ("userfaultfds", core.userfaults.used), ("promised pages", Int(committedPages)),
        ]
        let left = counts.filter { $0.count != 0 }
        return left.isEmpty ? nil : left.map { "\($0.count) \($0.what)" }.joined(separator: ", ")
    }

    /// Says that something is broken where anything is left over at the end of an explored run.
    public func requireNothingLeft() { if let text = leftOver() { cpu(0).violated("leak: \(text)") } }

    /// What an operation is called in a diagram, with what its word reads by now.
    public func describe(_ event: SyncEvent) -> String {
        let verb =
            switch event.kind {
            case .load, .wait: "read"
            case .store, .readModifyWrite: "write"
            case .lock: "lock"
            case .tryLock: "trylock"
            case .unlock: "unlock"
            case .readLock: "read-lock"
            case .readUnlock: "read-unlock"
            case .downgrade: "downgrade"
            case .readSideEnter: event.name == .rcu ? "rcu_read_lock" : "access begins"
            case .readSideExit: event.name == .rcu ? "rcu_read_unlock" : "access ends"
            case .gracePeriod: "grace period?"
            case .wake: "wake"
            case .flush: "flush TLB"
            }
        switch event.kind {
        case .readSideEnter, .readSideExit, .gracePeriod, .flush: return verb
        default: break
        }
        switch event.name {
        case .entry: return describeEntry(event, verb)
        case .pte, .pmd:
            guard let frame = core.memory.frame(ofRecord: event.object) else { return "\(verb) \(event.name.label)" }
            return
                "\(verb) \(event.name.label) \(tablePlace(frame).map { hexadecimal($0.base) } ?? "of a cut-out table")"
        case .refcount, .mapcount, .frameFlags, .folio, .folioMap:
            guard let frame = core.memory.frame(ofRecord: event.object) else { return "\(verb) \(event.name.label)" }
            return "\(verb) \(event.name.label) of frame \(frame.rawValue)"
        case .data:
            guard let place = core.memory.place(ofWord: event.object & ~7) else { return "\(verb) data" }
            return "\(event.kind == .load ? "load" : "store") frame \(place.frame.rawValue)+\(event.object & 4095)"
        default: return "\(verb) \(event.name.label)"
        }
    }

    private func describeEntry(_ event: SyncEvent, _ verb: String) -> String {
        guard let place = core.memory.place(ofWord: event.object) else { return "\(verb) entry" }
        let entry = Entry(core.memory.wordNow(place.frame, place.index))
        let isRead = event.kind == .load
        let text = entry.isNone ? "none" : describe(entry)
        guard let table = tablePlace(place.frame) else { return "\(verb) an entry of a cut-out table: \(text)" }
        let name = ["pte", "pmd", "pud", "p4d", "pgd"][min(table.level, 4)]
        let format = core.memory.formatNow
        let address = table.base &+ UInt64(place.index) << format.shift(ofLevel: table.level)
        if isRead { return "read \(name) \(hexadecimal(address)): \(text)" }
        return entry.isNone ? "clear \(name) \(hexadecimal(address))" : "set \(name) \(hexadecimal(address)) \(text)"
    }

    private func describe(_ entry: Entry) -> String {
        let format = core.memory.formatNow
        guard format.isPresent(entry) else { return "not present" }
        let rights = format.isWritable(entry) ? "rw" : "r"
        return
            "→ frame \(format.frame(entry).rawValue)\(format.isHuge(entry) || format.isLeaf(entry) ? " \(rights)" : "")"
    }

    /// The level of a table that hangs in an address space, and the first address that it maps.
    private func tablePlace(_ frame: FrameNumber) -> (level: Int, base: UInt64)? {
        for space in spaces {
            let top = space.tables.format.levels - 1
            if let found = search(space.tables, space.tables.root, top, 0, frame) { return found }
        }
        return nil
    }

    private func search(
        _ tables: PageTables, _ table: FrameNumber, _ level: Int, _ base: UInt64, _ wanted: FrameNumber
    ) -> (level: Int, base: UInt64)? {
        if table == wanted { return (level, base) }
        guard level > 0 else { return nil }
        for index in 0..<512 {
            let entry = Entry(core.memory.wordNow(table, index))
            guard !entry.isNone, tables.format.isValidForHardware(entry), !tables.format.isHuge(entry) else { continue }
            let below = base &+ UInt64(index) << tables.format.shift(ofLevel: level)
            if let found = search(tables, tables.format.frame(entry), level - 1, below, wanted) { return found }
        }
        return nil
    }
}

private func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
