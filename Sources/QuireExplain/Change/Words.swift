// The sentences: what became of the areas, and why two that look alike did not become one.

import Quire

/// Puts a process's change into words.
struct Words {
    let change: SpaceChange
    /// Why the areas that touch at an address are not one.
    let obstacle: (UInt64) -> MergeObstacle?

    /// The sentences for one process.
    func sentences(of process: ProcessChange) -> [String] {
        guard let before = process.before else {
            return ["Process \(process.pid) is new: \(count(change.after.count, "area"))."]
        }
        guard process.after != nil else {
            let held = "\(count(before.areas.count, "area")) and \(count(Int(before.pages), "page"))"
            return ["Process \(process.pid) has ended; it had \(held)."]
        }
        var all: [String] = []
        for phase in change.phases {
            all += arrivals(phase)
            for cluster in phase.clusters where !cluster.before.isEmpty && !cluster.after.isEmpty {
                if let sentence = sentence(for: cluster, phase) { all.append(sentence) }
            }
        }
        if let sentence = pages() { all.append(sentence) }
        return all + reasons()
    }

    // MARK: Areas

    /// New areas and those that are gone.
    private func arrivals(_ change: Overlap) -> [String] {
        var all: [String] = []
        let new = change.after.indices.filter { change.marksAfter[$0] == .new }
        if new.count == 1 {
            let area = change.after[new[0]]
            all.append("A new area: \(size(area.size)), \(area.report.permissions).")
        } else if !new.isEmpty {
            all.append("\(new.count) new areas.")
        }
        let gone = change.before.indices.filter { change.marksBefore[$0] == .gone }
        if gone.count == 1 {
            all.append("An area is gone: \(size(change.before[gone[0]].size)).")
        } else if !gone.isEmpty {
            all.append("\(gone.count) areas are gone.")
        }
        return all
    }

    private func sentence(for cluster: Overlap.Cluster, _ change: Overlap) -> String? {
        let (old, new) = (change.before[cluster.before], change.after[cluster.after])
        switch (old.count, new.count) {
        case (1, 1): return one(old[cluster.before.lowerBound], new[cluster.after.lowerBound])
        case (1, _): return split(old[cluster.before.lowerBound], Array(new))
        case (_, 1): return merged(Array(old), new[cluster.after.lowerBound])
        case (2, 2): return boundary(Array(old), Array(new))
        default: return "\(old.count) areas became \(new.count)."
        }
    }

    private func one(_ old: AreaScene, _ new: AreaScene) -> String? {
        var parts: [String] = []
        if new.start < old.start { parts.append("grew by \(size(old.start - new.start)) at its start") }
        if new.start > old.start { parts.append("lost \(size(new.start - old.start)) at its start") }
        if new.end > old.end { parts.append("grew by \(size(new.end - old.end)) at its end") }
        if new.end < old.end { parts.append("lost \(size(old.end - new.end)) at its end") }
        parts += differences(old, new)
        return parts.isEmpty ? nil : "The area " + joined(parts) + "."
    }

    private func split(_ old: AreaScene, _ new: [AreaScene]) -> String {
        var text = "1 area became \(new.count)"
        let different = new.indices.filter { !new[$0].isAlike(old) }
        if different.count == 1 {
            let place = different[0]
            let what = new.count == 1 ? "it" : part(place, of: new.count)
            text += ": \(what) " + joined(differences(old, new[place]))
        }
        let kept = new.reduce(0) { $0 + Swift.min($1.end, old.end) - Swift.max($1.start, old.start) }
        if kept < old.size { text += (different.count == 1 ? "; " : ": ") + "\(size(old.size - kept)) of it are gone" }
        return text + "."
    }

    private func merged(_ old: [AreaScene], _ new: AreaScene) -> String {
        let text = "\(old.count) areas became 1"
        let covered = old.reduce(0) { $0 + Swift.min($1.end, new.end) - Swift.max($1.start, new.start) }
        if covered < new.size {
            return old.count == 2 ? text + ": the new range joined both neighbours." : text + "."
        }
        if old.count == 3, old[0].start >= new.start, old[2].end <= new.end {
            return text + ": the middle joined both neighbours."
        }
        guard old.count == 2 else { return text + "." }
        switch (old[0].isAlike(new), old[1].isAlike(new)) {
        case (true, false): return text + ": the upper joined the lower."
        case (false, true): return text + ": the lower joined the upper."
        default: return text + "."
        }
    }

    /// Two areas before and after: what one lost the other got.
    private func boundary(_ old: [AreaScene], _ new: [AreaScene]) -> String {
        let isSame = old[0].start == new[0].start && old[1].end == new[1].end
        guard isSame, old[0].end == old[1].start, new[0].end == new[1].start else { return "2 areas became 2 others." }
        if new[0].end > old[0].end {
            return "The boundary moved: \(size(new[0].end - old[0].end)) of the upper area joined the lower."
        }
        return "The boundary moved: \(size(old[0].end - new[0].end)) of the lower area joined the upper."
    }

    /// What tells an area from what it was, each with its verb.
    private func differences(_ old: AreaScene, _ new: AreaScene) -> [String] {
        var parts: [String] = []
        if old.report.permissions != new.report.permissions { parts.append("is \(new.report.permissions) now") }
        let gained = new.report.flags.subtracting(old.report.flags).subtracting(Self.rights).letters
        let lost = old.report.flags.subtracting(new.report.flags).subtracting(Self.rights).letters
        let flags = gained.map { "+" + $0 } + lost.map { "-" + $0 }
        if !flags.isEmpty { parts.append("has other flags (\(flags.joined(separator: " ")))") }
        if old.report.inode != new.report.inode {
            parts.append(new.report.inode == 0 ? "maps no file now" : "maps another file now")
        } else if old.report.path != new.report.path {
            parts.append("has another name")
        }
        switch (old.anonVMA, new.anonVMA) {
        case (let before, let after) where before == after: break
        case (nil, let letter?): parts.append("has an anon_vma now (\(letter))")
        case (_, nil): parts.append("has no anon_vma any more")
        case (_, let letter?): parts.append("has another anon_vma now (\(letter))")
        }
        return parts.isEmpty ? ["is another mapping now"].filter { _ in !old.isAlike(new) } : parts
    }

    // MARK: Pages

    private func pages() -> String? {
        let before = change.before.reduce(0) { $0 + Int($1.pages) }
        let after = change.after.reduce(0) { $0 + Int($1.pages) }
        if after > before { return "\(count(after - before, "page")) came in." }
        if after < before { return "\(count(before - after, "page")) went." }
        let shared = change.before.reduce(0) { $0 + Int($1.sharedPages) }
        let now = change.after.reduce(0) { $0 + Int($1.sharedPages) }
        if now > shared { return "\(count(now - shared, "page")) shared with another mapping now." }
        return now < shared ? "\(count(shared - now, "page")) no longer shared." : nil
    }

    // MARK: Why not merged

    private func reasons() -> [String] {
        change.after.indices.compactMap { index in
            guard change.couldBeExpectedToMerge(at: index) else { return nil }
            let (low, high) = (change.after[index], change.after[index + 1])
            return "Not merged at \(hex(low.end)): \(Self.text(of: obstacle(low.end), low, high))."
        }
    }

    private static func text(of obstacle: MergeObstacle?, _ low: AreaScene, _ high: AreaScene) -> String {
        switch obstacle {
        case .file: "different file"
        case .kind: "different kind of memory"
        case .name: "different name"
        case .policy: "different memory policy"
        case .userfault: "a userfaultfd serves one of them, or they have different ones"
        case .flags(let flags): "different flags (" + flags.letters.joined(separator: " ") + ")"
        case .pageOffset:
            low.report.inode == 0 ? "different page offset: not mapped side by side" : "different offset in the file"
        case .anonVMA: "different anon_vma (\(low.anonVMA ?? "none") and \(high.anonVMA ?? "none"))"
        case .forked: "the anon_vma of one came by fork, the other has none"
        case .apart: "there is a gap"
        case nil: "nothing keeps them apart, but no call has changed one of them so that Linux would look"
        }
    }

    // MARK: Parts of sentences

    /// Flags that the four letters of the rights tell.
    private static let rights: AreaFlags = [.read, .write, .execute, .mayShare, .shared]

    private func part(_ place: Int, of count: Int) -> String {
        if place == 0 { return "the lower part" }
        return place == count - 1 ? "the upper part" : count == 3 ? "the middle" : "a part in the middle"
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private func joined(_ parts: [String]) -> String {
        parts.count < 2 ? parts.joined() : parts.dropLast().joined(separator: ", ") + " and " + parts[parts.count - 1]
    }
}

/// A size in the largest unit that divides it: `64 KiB`.
func size(_ bytes: UInt64) -> String {
    for (unit, shift) in [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)] as [(String, UInt64)]
    where bytes >> shift != 0 && bytes & (1 << shift - 1) == 0 {
        return "\(bytes >> shift) \(unit)"
    }
    return "\(bytes) B"
}

/// An address as /proc/PID/maps prints it.
func hex(_ address: UInt64) -> String { String(address, radix: 16) }
