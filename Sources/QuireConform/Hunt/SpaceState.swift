// The state of a process in the fields that both models know: what is compared between two operations.

import Quire
import QuireWorkload

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

/// One process; sums in kB.
public struct SpaceState: Hashable, Sendable {
    public var number: Int
    public var vmSize: UInt64
    public var vmLck: UInt64
    public var vmData: UInt64
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
        vmLck = status.locked
        vmData = status.data
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
        vmLck = space.strayLocks * 4
        vmData = 0
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
            if area.flags.contains(.locked) { vmLck += 4 }
            if area.flags.intersection([.write, .shared, .growsDown]) == .write { vmData += 4 }
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

    /// The first field that differs from the other side's; nil where nothing does.
    func difference(from other: SpaceState) -> RunDifference? {
        if self == other { return nil }
        let place = "pid \(number)"
        for (ours, theirs) in zip(areas, other.areas) where ours != theirs {
            return ours.difference(from: theirs, place)
        }
        if areas.count != other.areas.count {
            let common = min(areas.count, other.areas.count)
            return RunDifference(
                place: place, field: "area", model: areas.count > common ? areas[common].text : "none",
                live: other.areas.count > common ? other.areas[common].text : "none")
        }
        let sums: [(String, UInt64, UInt64)] = [
            ("VmSize", vmSize, other.vmSize), ("VmLck", vmLck, other.vmLck), ("VmData", vmData, other.vmData),
            ("RssAnon", rssAnon, other.rssAnon), ("RssShmem", rssShmem, other.rssShmem),
        ]
        return sums.first { $0.1 != $0.2 }.map { name, ours, theirs in
            RunDifference(place: place, field: "\(name) since the start", model: String(ours), live: String(theirs))
        }
    }
}

extension AreaState {
    var text: String { "\(hex(start))-\(hex(end)) \(flags)Rss \(rss)" }

    fileprivate func difference(from other: AreaState, _ place: String) -> RunDifference {
        func differ(_ field: String, _ ours: String, _ theirs: String, at range: String = "") -> RunDifference {
            RunDifference(place: place + range, field: field, model: ours, live: theirs)
        }
        guard start == other.start, end == other.end else { return differ("area", text, other.text) }
        let range = " \(hex(start))-\(hex(end))"
        if flags != other.flags { return differ("VmFlags", flags, other.flags, at: range) }
        let fields: [(String, UInt64, UInt64)] = [
            ("Rss", rss, other.rss), ("Anonymous", anonymous, other.anonymous), ("Locked", locked, other.locked),
        ]
        for (name, ours, theirs) in fields where ours != theirs {
            return differ(name, String(ours), String(theirs), at: range)
        }
        return differ("offset", String(offset), String(other.offset), at: range)
    }
}
