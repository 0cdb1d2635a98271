// A census of all entries of all processes, beside which everything that folios say of themselves is checked: mappings of
// each page, whole mappings, mapped pages, references, and that the reverse map finds each entry and no other.

import Testing

@testable import Quire

/// One mapping: by whom, where, and whether by a PMD entry.
struct FolioMapping: Hashable {
    var space: UInt32
    var address: UInt64
    var page: Int
}

extension TestMachine {
    /// All mappings of large and small anonymous folios, by head.
    private func census() -> (pages: [UInt32: [FolioMapping]], leaves: [UInt32: Int]) {
        var pages: [UInt32: [FolioMapping]] = [:]
        var leaves: [UInt32: Int] = [:]
        for process in machine.processes where !process.borrowsAddressSpace {
            let space = process.space
            var cursor = space.areas.first
            while !cursor.isNone {
                let area = core.areas[space.areas.area(at: cursor)]
                var address = area.start
                while address < area.end {
                    if let leaf = space.tables.leaf(cpu, address) {
                        let head = space.tables.format.frame(leaf.entry)
                        if memory.kind(cpu, head) == .anonymous {
                            leaves[head.rawValue, default: 0] += 1
                            for number in 0..<512 {
                                pages[head.rawValue, default: []].append(
                                    FolioMapping(
                                        space: space.number, address: address + UInt64(number) * page, page: number))
                            }
                        }
                        address += span
                        continue
                    }
                    let entry = space.entry(cpu, address)
                    if space.tables.format.isPresent(entry) {
                        let frame = space.tables.format.frame(entry)
                        if memory.kind(cpu, frame) == .anonymous {
                            let head = memory.head(cpu, frame)
                            pages[head.rawValue, default: []].append(
                                FolioMapping(
                                    space: space.number, address: address, page: memory.pageNumber(frame, of: head)))
                        }
                    }
                    address += page
                }
                cursor = space.areas.next(cursor)
            }
        }
        return (pages, leaves)
    }

    /// Expects that every anonymous folio's counts and its reverse map are what the page tables say. O(memory mapped).
    func checkFolios(sourceLocation: SourceLocation = #_sourceLocation) {
        let (all, leaves) = census()
        for (raw, mappings) in all {
            let head = FrameNumber(raw)
            let order = memory.order(cpu, head)
            let whole = leaves[raw] ?? 0
            let byPage = Dictionary(grouping: mappings) { $0.page }
            for (number, here) in byPage {
                #expect(
                    memory.mappings(cpu, ofPage: memory.page(head, number)) == UInt32(here.count),
                    "page \(number) of a folio of order \(order)", sourceLocation: sourceLocation)
            }
            let total = UInt32(mappings.count - whole * 511)
            #expect(memory.mappings(cpu, head) == total, sourceLocation: sourceLocation)
            #expect(memory.wholeMappings(cpu, head) == UInt32(whole), sourceLocation: sourceLocation)
            #expect(memory.refcount(head).load(cpu, .refcount) >= total, sourceLocation: sourceLocation)
            let isPart = whole == 0 && byPage.count < 1 << order
            let isNoted = memory.has(cpu, head, FrameFlags.partlyMapped)
            #expect(!isPart || isNoted, "a partly mapped folio of order \(order)", sourceLocation: sourceLocation)
            #expect(Set(mappings) == found(head, order), sourceLocation: sourceLocation)
        }
    }

    /// The mappings that the reverse map leads to.
    private func found(_ head: FrameNumber, _ order: Int) -> Set<FolioMapping> {
        guard let anonVMA = core.lockAnonVMA(cpu, of: head) else { return [] }
        defer { core.lock(of: anonVMA).writeUnlock(cpu) }
        var result: Set<FolioMapping> = []
        core.eachMapping(anonVMA, pageOffset: memory.index(head), pages: 1 << UInt64(order)) { range in
            var address = range.start
            while address < range.end {
                let number = range.page(at: address)
                var frame = FrameNumber.none
                if let leaf = range.tables.leaf(cpu, address) {
                    let index = range.tables.format.index(address, level: 0)
                    frame = memory.page(range.tables.format.frame(leaf.entry), index)
                } else {
                    let table = range.tables.table(cpu, address, level: 0)
                    let index = range.tables.format.index(address, level: 0)
                    let entry = table.isNone ? Entry.none : range.tables.load(cpu, table, index)
                    if range.tables.format.isPresent(entry) { frame = range.tables.format.frame(entry) }
                }
                if frame == memory.page(head, number) {
                    result.insert(FolioMapping(space: range.tables.owner, address: address, page: number))
                }
                address += page
            }
        }
        return result
    }
}

extension AddressSpace {
    /// The entry that the tables hold for an address; none under a leaf.
    func entry(_ cpu: CPU, _ address: UInt64) -> Entry {
        let table = tables.table(cpu, address, level: 0)
        return table.isNone ? .none : tables.load(cpu, table, tables.format.index(address, level: 0))
    }
}
