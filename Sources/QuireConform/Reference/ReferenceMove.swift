// mremap of the reference model: in place, or to a place that the caller names. A move takes labels and entries along
// page by page. Linux: check_mremap_params, remap_move, move_vma, copy_vma, dontunmap_complete.

/// The arguments of one mremap, lengths rounded up.
private struct Move {
    var old: UInt64
    var oldLength: UInt64
    var newLength: UInt64
    var flags: UInt64
    var target: UInt64

    var isFixed: Bool { flags & 2 != 0 }
    var keepsOld: Bool { flags & 4 != 0 }
    var moves: Bool { isFixed || keepsOld }
}

extension ReferenceSpace {
    /// mremap. `told` is the address that another side answered.
    func mremap(
        _ old: UInt64, _ oldLength: UInt64, _ newLength: UInt64, _ flags: UInt64, _ target: UInt64, told: UInt64?
    ) -> ReferenceResult {
        var move = Move(
            old: old, oldLength: pageAlign(oldLength), newLength: pageAlign(newLength), flags: flags, target: target)
        if isInvalid(move) { return .error("EINVAL") }
        if move.isFixed, move.oldLength == move.newLength { return moveAll(move) }
        guard let area = areas[old >> 12] else { return .error("EFAULT") }
        if move.moves || move.newLength > move.oldLength {
            if move.oldLength == 0, !area.isShared { return .error("EINVAL") }
            let reach = end(of: old >> 12) << 12
            if min(move.oldLength, move.newLength) > reach - old { return .error("EFAULT") }
        }
        if move.isFixed { remove(target >> 12, (target + move.newLength) >> 12) }
        if move.newLength < move.oldLength {
            let less = move.oldLength - move.newLength
            if let error = munmap(old + move.newLength, less) { return .error(error) }
            move.oldLength = move.newLength
            // A move that shrinks asks for the difference all the same.
            let isAccounted = areas[old >> 12]?.flags.contains(.account) == true
            if move.moves, isAccounted, less > Self.memory { return .error("ENOMEM") }
        }
        if move.newLength >> 12 > Self.mostPages { return .retire("an area of \(move.newLength >> 20) MiB") }
        if !move.moves {
            if move.newLength == move.oldLength { return .value(old) }
            if grow(move) { return .value(old) }
            if flags & 1 == 0 { return .error("ENOMEM") }
        }
        guard areas[old >> 12] != nil else { return .error("EFAULT") }
        var isTold = false
        if !move.isFixed {
            let hint = move.keepsOld ? target : 0
            if hint == 0 || !isFree(hint >> 12, (hint + move.newLength) >> 12) {
                guard let told else { return .open("whether there is a place for an area") }
                guard !isUnaligned(told), told <= Self.userEnd - move.newLength,
                    isFree(told >> 12, (told + move.newLength) >> 12)
                else { return .error("(a free place)") }
                isTold = true
                move.target = told
            }
        }
        let isLocked = areas[old >> 12]?.flags.contains(.locked) ?? false
        relocate(move)
        if isLocked, move.newLength > move.oldLength {
            populateAll((move.target + move.oldLength) >> 12, (move.target + move.newLength) >> 12)
        }
        return isTold ? .open("where Linux puts an area") : .value(move.target)
    }

    private func isInvalid(_ move: Move) -> Bool {
        if move.flags & ~7 != 0 || isUnaligned(move.old) { return true }
        if move.newLength == 0 || move.newLength > Self.userEnd { return true }
        guard move.moves else { return false }
        if move.flags & 1 == 0 || isUnaligned(move.target) { return true }
        if move.target > Self.userEnd - move.newLength { return true }
        if move.keepsOld, move.oldLength != move.newLength { return true }
        return move.old &+ move.oldLength > move.target && move.target + move.newLength > move.old
    }

    /// Grows an area at its end, if it ends there and nothing is in the way.
    private func grow(_ move: Move) -> Bool {
        let (from, to) = ((move.old + move.oldLength) >> 12, (move.old + move.newLength) >> 12)
        guard end(of: move.old >> 12) == from, move.old + move.newLength <= Self.userEnd,
            !(from..<to).contains(where: { areas[$0] != nil }), let area = areas[move.old >> 12]
        else { return false }
        // What is new joins both sides; what lies below the area is not looked at.
        let made = area.copy()
        for page in from..<to { areas[page] = made }
        join(from, to)
        if area.flags.contains(.locked) { populateAll(from, to) }
        return true
    }

    /// Moves every area of a range; a hole is passed over unless the range begins with it.
    private func moveAll(_ move: Move) -> ReferenceResult {
        let end = (move.old &+ move.oldLength) >> 12
        guard areas[move.old >> 12] != nil else { return .error("EFAULT") }
        var page = move.old >> 12
        while page < end {
            guard areas[page] != nil else {
                guard let next = nextArea(from: page) else { break }
                page = next
                continue
            }
            let next = self.end(of: page, limit: end)
            var one = move
            one.old = page << 12
            one.oldLength = (next - page) << 12
            one.newLength = one.oldLength
            one.target = move.target + (one.old - move.old)
            remove(one.target >> 12, (one.target + one.newLength) >> 12)
            relocate(one)
            page = next
        }
        return .value(move.target)
    }

    /// Moves part of one area to free pages.
    private func relocate(_ move: Move) {
        let (from, to) = (move.old >> 12, move.target >> 12)
        let (count, newCount) = (move.oldLength >> 12, move.newLength >> 12)
        guard let source = areas[from] else { return }
        // What was never written begins anew at its new place; what was keeps the offset of its old one.
        let isFresh = source.isPlain && source.anonymous == nil
        let made = source.copy(shift: isFresh ? 0 : source.shift &+ from &- to)
        for page in to..<(to + newCount) { areas[page] = made }
        join(to, to + newCount, from: source)
        for step in 0..<count {
            guard let entry = entries.removeValue(forKey: from + step) else { continue }
            entries[to + step] = entry
            if written.remove(from + step) != nil { written.insert(to + step) }
        }
        if move.keepsOld {
            finishKeeping(from, from + count)
        } else if count > 0 {
            remove(from, from + count)
        }
    }

    /// MREMAP_DONTUNMAP: the old area stays, unlocked; if the call moved all of it, nothing anonymous is left in it.
    private func finishKeeping(_ start: UInt64, _ end: UInt64) {
        guard let old = areas[start] else { return }
        if old.flags.contains(.locked) { strayLocks += self.end(of: start) - self.start(of: start) }
        old.flags.subtract([.locked, .lockOnFault])
        if self.start(of: start) == start, self.end(of: start) == end {
            old.anonymous = nil
            old.chain = []
        }
    }
}
