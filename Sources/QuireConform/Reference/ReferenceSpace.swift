// An address space of the reference model: two dictionaries, from page number to the area that the page belongs to and
// to what is mapped there. An area is the run of pages that bear one label; it begins and ends where the label does.
// Labels are kept, not derived from attributes, because Linux does not join every two areas that are alike: what was
// apart when it became alike stays apart until a call touches the border. Linux: mm_struct, vma_merge, __split_vma.

/// Every process's memory, by the process's number.
final class ReferenceWorld {
    var spaces: [Int: ReferenceSpace] = [:]
}

/// One process's memory.
final class ReferenceSpace {
    static let userEnd: UInt64 = 1 << 47 - 4096
    /// Page numbers per table: fault-around does not look beyond.
    static let tablePages: UInt64 = 512

    /// The stack's limit, the gap below it, and the lowest address that anybody gets.
    static let mostStack: UInt64 = 8 << 20
    static let stackGap: UInt64 = 256
    static let lowest: UInt64 = 65_536

    private unowned let world: ReferenceWorld
    /// Every address space that there is.
    var spaces: [ReferenceSpace] { Array(world.spaces.values) }
    /// Page number to area.
    var areas: [UInt64: ReferenceArea] = [:]
    /// Page number to what is mapped there.
    var entries: [UInt64: ReferenceEntry] = [:]
    /// Pages that were written through their entry.
    var written: Set<UInt64> = []
    /// Where the heap ends.
    var heapEnd = Zones.heap
    /// Open files by descriptor, of the process whose turn it is.
    var descriptors: [UInt64: ReferenceFile] = [:]
    /// Pages that VmLck counts though nothing has them locked.
    var strayLocks: UInt64 = 0
    /// What new areas are given by mlockall(MCL_FUTURE).
    var future: ReferenceFlags = []

    init(_ world: ReferenceWorld) { self.world = world }

    // MARK: Areas

    /// The first page of the first area that lies above a page.
    func nextArea(from page: UInt64) -> UInt64? { areas.keys.lazy.filter { $0 > page }.min() }

    /// The last page of the last area that lies below a page.
    func previousArea(from page: UInt64) -> UInt64? { areas.keys.lazy.filter { $0 < page }.max() }

    /// Whether nothing lies in [start, end), nor a stack so near above that it needs the room.
    func isFree(_ start: UInt64, _ end: UInt64) -> Bool {
        guard start << 12 >= Self.lowest, !(start..<end).contains(where: { areas[$0] != nil }) else { return false }
        guard let next = nextArea(from: start), areas[next]?.flags.contains(.growsDown) == true else { return true }
        return next >= end + Self.stackGap
    }

    /// The first page of the area that a page belongs to.
    func start(of page: UInt64) -> UInt64 {
        let area = areas[page]
        var at = page
        while at > 0, areas[at - 1] === area { at -= 1 }
        return at
    }

    /// The page behind the area that a page belongs to, at most `limit`.
    func end(of page: UInt64, limit: UInt64 = .max) -> UInt64 {
        let area = areas[page]
        var at = page
        while at < limit, areas[at] === area { at += 1 }
        return at
    }

    /// Makes a page the first one of an area, where it lies inside one.
    func cut(at page: UInt64) {
        guard page > 0, let area = areas[page], areas[page - 1] === area else { return }
        label(from: page, of: area, with: area.copy())
    }

    /// Gives the pages of `area` from one on another label.
    private func label(from page: UInt64, of area: ReferenceArea, with other: ReferenceArea) {
        var at = page
        while areas[at] === area {
            areas[at] = other
            at += 1
        }
    }

    /// Gives [start, end), which lies in one area, other flags, and joins it with its neighbours where they are alike.
    func change(_ start: UInt64, _ end: UInt64, to flags: ReferenceFlags) {
        guard let area = areas[start], area.flags != flags else { return }
        cut(at: start)
        cut(at: end)
        areas[start]?.flags = flags
        join(start, end, from: area)
    }

    /// Joins the area [start, end) with the area below and the area above, if nothing tells them apart. `origin` is the
    /// area that it was part of or moved from; nil where there was nothing.
    func join(_ start: UInt64, _ end: UInt64, from origin: ReferenceArea? = nil) {
        guard let middle = areas[start] else { return }
        let below = start > 0 ? areas[start - 1] : nil
        let above = areas[end]
        let joinsBelow = below.map { alike($0, middle, origin) } ?? false
        var joinsAbove = above.map { alike($0, middle, origin) } ?? false
        if joinsBelow, joinsAbove, let one = below?.anonymous, let other = above?.anonymous, one !== other {
            joinsAbove = false
        }
        if joinsAbove, let above {
            label(from: start, of: middle, with: above)
            absorb(middle, into: above)
        }
        if joinsBelow, let below {
            let rest = joinsAbove ? above ?? middle : middle
            // The middle's identity comes before the upper area's.
            absorb(middle, into: below)
            absorb(rest, into: below)
            label(from: start, of: rest, with: below)
        }
    }

    private func absorb(_ area: ReferenceArea, into survivor: ReferenceArea) {
        survivor.flags.formUnion(area.flags.intersection(.guards))
        if survivor.anonymous == nil, area.anonymous != nil {
            survivor.anonymous = area.anonymous
            survivor.chain = area.chain
        }
    }

    /// Whether a neighbour may join a changed or new area.
    private func alike(
        _ neighbour: ReferenceArea, _ area: ReferenceArea, _ origin: ReferenceArea?
    ) -> Bool {
        guard neighbour.flags.subtracting(.guards) == area.flags.subtracting(.guards),
            neighbour.file === area.file, neighbour.shift == area.shift
        else { return false }
        switch (neighbour.anonymous, area.anonymous) {
        case (nil, nil): return true
        case (nil, _): return origin.map { !$0.isForked } ?? true
        case (_, nil): return !neighbour.isForked
        case (let theirs, let ours): return theirs === ours
        }
    }

    // MARK: Entries

    /// Maps a page.
    func map(_ page: UInt64, _ memory: ReferencePage) {
        unmap(page)
        memory.mappings += 1
        entries[page] = .page(memory)
    }

    /// Takes away what is mapped at a page.
    func unmap(_ page: UInt64) {
        let wasWritten = written.remove(page) != nil
        guard case .page(let memory) = entries.removeValue(forKey: page) else { return }
        memory.mappings -= 1
        if wasWritten, !memory.isAnonymous { memory.isDirty = true }
    }

    /// Ends all areas in [start, end).
    func remove(_ start: UInt64, _ end: UInt64) {
        cut(at: start)
        cut(at: end)
        // Whichever is shorter: the range may be all that a program can have.
        let isShort = end - start < UInt64(areas.count)
        for page in isShort ? Array(start..<end) : areas.keys.filter({ $0 >= start && $0 < end }) {
            unmap(page)
            areas[page] = nil
        }
    }

    /// Ends everything.
    func removeAll() {
        for page in entries.keys { unmap(page) }
        areas = [:]
    }
}

/// Rounds bytes up to pages as the kernel does: what overflows becomes 0.
func pageAlign(_ bytes: UInt64) -> UInt64 { (bytes &+ 4095) & ~4095 }

/// Whether an address lies inside a page and not at its start.
func isUnaligned(_ address: UInt64) -> Bool { address & 4095 != 0 }
