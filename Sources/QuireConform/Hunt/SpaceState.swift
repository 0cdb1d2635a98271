// The state of a process in the fields that both sides know: what is compared between two operations.

import Quire

/// One area as smaps shows it; sizes in kB.
public struct AreaState: Hashable, Sendable {
    public var start: UInt64
    public var end: UInt64
    /// Two-letter flags, each with a space behind it.
    public var flags: String
    /// In bytes; 0 without a file.
    public var offset: UInt64
    public var rss: UInt64
    public var anonymous: UInt64
    public var locked: UInt64
}

/// One process.
public struct SpaceState: Hashable, Sendable {
    public var number: Int
    public var vmSize: UInt64
    public var rssAnon: UInt64
    public var rssShmem: UInt64
    public var areas: [AreaState]
}

extension SpaceState {
    /// A process of the model.
    init(_ process: Process) {
        let status = process.status()
        number = process.pid
        vmSize = status.size
        rssAnon = status.anonymous
        rssShmem = status.shared
        areas = process.areaReports().map { area in
            AreaState(
                start: area.start, end: area.end, flags: area.flags.letters.reduce("") { $0 + $1 + " " },
                offset: area.offset, rss: area.rss, anonymous: area.anonymous, locked: area.locked)
        }
    }

    /// A process of the reference model: areas are runs of pages of one label.
    init(_ space: ReferenceSpace, number: Int) {
        self.number = number
        vmSize = UInt64(space.areas.count) * 4
        rssAnon = 0
        rssShmem = 0
        areas = []
        var last: ReferenceArea?
        // A page counts for each of its mappings by the same share, in units of 1/4096 byte.
        var share: UInt64 = 0
        func close() {
            if last?.flags.contains(.locked) == true { areas[areas.count - 1].locked = share >> 22 }
            share = 0
        }
        for page in space.areas.keys.sorted() {
            guard let area = space.areas[page] else { continue }
            if area === last, areas[areas.count - 1].end == page << 12 {
                areas[areas.count - 1].end += 4096
            } else {
                if last != nil { close() }
                let offset = area.file == nil ? 0 : (page &+ area.shift) << 12
                areas.append(
                    AreaState(
                        start: page << 12, end: (page + 1) << 12, flags: area.flags.letters, offset: offset, rss: 0,
                        anonymous: 0, locked: 0))
                last = area
            }
            guard case .page(let memory) = space.entries[page] else { continue }
            areas[areas.count - 1].rss += 4
            share += 4096 << 12 / UInt64(memory.mappings)
            if memory.isAnonymous {
                areas[areas.count - 1].anonymous += 4
                rssAnon += 4
            } else {
                rssShmem += 4
            }
        }
        if last != nil { close() }
    }

    /// The first field that differs from the other side's, in words; nil where nothing does.
    func difference(from other: SpaceState) -> String? {
        if self == other { return nil }
        let place = "process \(number)"
        for (ours, theirs) in zip(areas, other.areas) where ours != theirs {
            return "\(place): model \(ours.text) | reference \(theirs.text)"
        }
        if areas.count != other.areas.count {
            let common = min(areas.count, other.areas.count)
            return areas.count > common
                ? "\(place): only the model has \(areas[common].text)"
                : "\(place): only the reference has \(other.areas[common].text)"
        }
        return "\(place): VmSize \(vmSize) | \(other.vmSize), RssAnon \(rssAnon) | \(other.rssAnon), "
            + "RssShmem \(rssShmem) | \(other.rssShmem)"
    }
}

extension AreaState {
    var text: String {
        "\(hex(start))-\(hex(end)) \(flags)offset \(offset) Rss \(rss) Anonymous \(anonymous) Locked \(locked)"
    }
}

/// `0x…`
func hex(_ number: UInt64) -> String { "0x" + String(number, radix: 16) }
