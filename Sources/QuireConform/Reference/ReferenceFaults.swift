// Accesses and faults of the reference model: what a load, a store or populating finds or makes at one page.
// Linux: handle_mm_fault, do_anonymous_page, do_wp_page, do_fault_around, faultin_page.

/// Why an access cannot be.
enum ReferenceFault {
    case unmapped, forbidden, beyondEnd
    /// Not an address at all: the processor refuses it before the kernel sees where it went.
    case notCanonical

    var signal: String { self == .beyondEnd ? "SIGBUS" : "SIGSEGV" }
    var code: String {
        switch self {
        case .unmapped: "SEGV_MAPERR"
        case .forbidden: "SEGV_ACCERR"
        case .beyondEnd: "BUS_ADRERR"
        case .notCanonical: "SI_KERNEL"
        }
    }
}

extension ReferenceSpace {
    /// Makes a page accessible as a program's load or store does.
    func access(_ address: UInt64, write: Bool) -> ReferenceFault? {
        let top = address >> 47
        if top != 0, top != 0x1FFFF { return .notCanonical }
        if areas[address >> 12] == nil { growStack(to: address >> 12) }
        guard let area = areas[address >> 12] else { return .unmapped }
        guard permits(area, write: write) else { return .forbidden }
        if let fault = serve(address >> 12, write: write) { return fault }
        if write { written.insert(address >> 12) }
        return nil
    }

    func permits(_ area: ReferenceArea, write: Bool) -> Bool {
        write ? area.flags.contains(.write) : !area.flags.isDisjoint(with: .rights)
    }

    /// Makes a page present, and its own for a write to private memory.
    func serve(_ page: UInt64, write: Bool) -> ReferenceFault? {
        guard let area = areas[page] else { return .unmapped }
        switch entries[page] {
        case .guarded: return .unmapped
        case .zero:
            if write {
                prepareAnonymous(page)
                map(page, ReferencePage(isAnonymous: true))
                written.insert(page)
            }
        case .page(let memory):
            guard write else { return nil }
            if area.isShared {
                written.insert(page)
                return nil
            }
            prepareAnonymous(page)
            if !memory.isAnonymous || memory.mappings > 1 {
                map(page, ReferencePage(isAnonymous: true, bytes: memory.bytes))
            }
            written.insert(page)
        case nil:
            guard let file = area.file else {
                if write {
                    prepareAnonymous(page)
                    map(page, ReferencePage(isAnonymous: true))
                    written.insert(page)
                } else {
                    entries[page] = .zero
                }
                return nil
            }
            return serveFile(page, area, file, write: write)
        }
        return nil
    }

    private func serveFile(
        _ page: UInt64, _ area: ReferenceArea, _ file: ReferenceFile, write: Bool
    ) -> ReferenceFault? {
        let offset = page &+ area.shift
        let copies = write && !area.isShared
        if !write { mapAround(page, area, file) }
        if entries[page] != nil { return nil }
        if copies { prepareAnonymous(page) }
        guard offset < file.pageCount else { return .beyondEnd }
        let cached = file.page(at: offset)
        map(page, copies ? ReferencePage(isAnonymous: true, bytes: cached.bytes) : cached)
        if write { written.insert(page) }
        return nil
    }

    /// A read maps what the file has near the page: 16 pages, aligned, within the area and the table.
    private func mapAround(_ page: UInt64, _ area: ReferenceArea, _ file: ReferenceFile) {
        let table = page / Self.tablePages * Self.tablePages
        let first = max(page / 16 * 16, table)
        var from = page
        while from > first, areas[from - 1] === area { from -= 1 }
        for near in from..<min(from + 16, table + Self.tablePages) where areas[near] === area {
            let offset = near &+ area.shift
            guard offset < file.pageCount else { break }
            if entries[near] == nil, file.holds(offset) { map(near, file.page(at: offset)) }
        }
    }

    /// Before its first anonymous page an area gets an identity: a neighbour's, if only rights tell them apart and the
    /// neighbour did not come from a fork, else one of its own.
    func prepareAnonymous(_ page: UInt64) {
        guard let area = areas[page], area.anonymous == nil else { return }
        let first = start(of: page)
        for neighbour in [areas[end(of: page)], first > 0 ? areas[first - 1] : nil] {
            guard let neighbour, let identity = neighbour.anonymous, !neighbour.isForked,
                neighbour.file === area.file, neighbour.shift == area.shift
            else { continue }
            let differs = neighbour.flags.symmetricDifference(area.flags)
            guard differs.subtracting(ReferenceFlags.rights.union(.guards)).isEmpty else { continue }
            area.anonymous = identity
            area.chain = [identity]
            return
        }
        let own = AnonymousIdentity(parent: nil)
        area.anonymous = own
        area.chain = [own]
    }

    /// Populates [start, end) of one area as mlock does: by writing to private memory that may be written. False where
    /// something is in the way.
    func populate(_ start: UInt64, _ end: UInt64) -> Bool {
        guard let area = areas[start] else { return false }
        if area.flags.contains(.lockOnFault) { return true }
        guard !area.flags.isDisjoint(with: .rights) else { return false }
        let write = area.flags.intersection([.write, .shared]) == .write
        for page in start..<end where serve(page, write: write) != nil { return false }
        return true
    }

    /// Populates whatever is mapped in [start, end). False where something was in the way: an area ends there, and, unless
    /// `goesOn`, the call.
    @discardableResult
    func populateAll(_ start: UInt64, _ end: UInt64, goesOn: Bool = true) -> Bool {
        var isWhole = true
        var page = start
        while page < end {
            guard areas[page] != nil else {
                guard let next = nextArea(from: page) else { break }
                page = next
                continue
            }
            let next = self.end(of: page, limit: end)
            if !populate(page, next) {
                isWhole = false
                if !goesOn { break }
            }
            page = next
        }
        return isWhole
    }

    // MARK: Stacks

    /// Lets the stack above a page grow down to it, if it may.
    private func growStack(to page: UInt64) {
        guard page << 12 >= Self.lowest, let next = nextArea(from: page), let stack = areas[next],
            stack.flags.contains(.growsDown)
        else { return }
        if let below = previousArea(from: page), let area = areas[below], !area.flags.contains(.growsDown),
            !area.flags.isDisjoint(with: .rights), page - below - 1 < Self.stackGap
        {
            return
        }
        // Even where it may not grow, it counts as written.
        prepareAnonymous(next)
        if (end(of: next) - page) << 12 > Self.mostStack { return }
        for free in page..<next { areas[free] = stack }
    }
}
