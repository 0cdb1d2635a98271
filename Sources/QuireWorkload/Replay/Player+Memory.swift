// The calls on the address space. A recorded address is honoured: the mapping is placed where the recording had it.

import Quire

extension Player {
    /// The longest range in pages for which mincore's bytes are reported.
    static let mostResidencePages: UInt64 = 1 << 20

    /// mmap to msync.
    func memory(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        let task = actor.task
        switch s.call {
        case .madvise:
            let (address, length, advice) = (try number(s, 0), try number(s, 1), try number(s, 2))
            return .of { () throws(Errno) in try task.madvise(address, length, advice) }
        case .munmap:
            let (address, length) = (try number(s, 0), try number(s, 1))
            return .of { () throws(Errno) in try task.munmap(address, length) }
        case .mprotect:
            let (address, length, rights) = (try number(s, 0), try number(s, 1), try number(s, 2))
            return .of { () throws(Errno) in
                try task.mprotect(address, length, Protection(rawValue: rights))
            }
        case .mmap: return try map(s, task)
        case .mremap: return try remap(s, task)
        case .brk: return try moveHeapEnd(s, actor)
        case .mincore: return try residence(s, task)
        case .msync:
            let (address, length, flags) = (try number(s, 0), try number(s, 1), try number(s, 2))
            return .of { () throws(Errno) in try task.msync(address, length, flags) }
        case .processMadvise: return try adviseProcess(s, task)
        default: return try lock(s, task)
        }
    }

    private func map(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        try checkCount(s, most: 6)
        let (address, length, rights) = (try number(s, 0), try number(s, 1), try number(s, 2))
        var flags = MapFlags(rawValue: try number(s, 3))
        // execve makes the stack itself, without what MAP_STACK means to mmap.
        if s.isImage { flags.remove(.stack) }
        let (fd, offset) = (Int(Int32(truncatingIfNeeded: try number(s, 4))), try number(s, 5))
        var recorded: UInt64?
        switch s.result {
        case .none: break
        case .unknown: return Outcome(.recorded)
        case .value(let place): recorded = place
        case .error(let name):
            // What kind of file it is and what it allows, the trace does not say.
            if !flags.contains(.anonymous), names[text: name] != "EINVAL" { return Outcome(.recorded) }
        }
        if recorded != nil, !flags.contains(.anonymous), fd >= 0, !task.isOpen(fd) {
            // Inherited, received, or made by a call that the format does not read.
            _ = try? task.openRecorded("fd:\(fd)", canWrite: true, descriptor: fd)
        }
        do throws(Errno) {
            let place = try task.mmap(
                address, length: length, protection: Protection(rawValue: rights), flags: flags, fd: fd, offset: offset,
                recorded: recorded, name: specialName(s))
            if case .error = s.result, flags.isDisjoint(with: [.fixed, .fixedNoReplace]) {
                // The recorded program has no such mapping.
                try? task.munmap(place, length)
            }
            return Outcome(.address(place))
        } catch {
            return Outcome(.error(error))
        }
    }

    /// The name of a mapping that the kernel makes for a program: `[stack]` of `# image [stack]`.
    private func specialName(_ s: Statement) -> String {
        guard s.isImage else { return "" }
        let words = s.string(of: s.comment).split(separator: " ")
        return words.last.map { $0.hasPrefix("[") ? String($0) : "" } ?? ""
    }

    private func remap(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        try checkCount(s, most: 5)
        let (old, oldLength, newLength) = (try number(s, 0), try number(s, 1), try number(s, 2))
        let flags = RemapFlags(rawValue: try number(s, 3))
        let target = s.argumentCount > 4 ? try number(s, 4) : 0
        var recorded: UInt64?
        if case .value(let place) = s.result { recorded = place }
        if s.result == .unknown { return Outcome(.recorded) }
        do throws(Errno) {
            return Outcome(.address(try task.mremap(old, oldLength, newLength, flags, target, recorded: recorded)))
        } catch {
            return Outcome(.error(error))
        }
    }

    /// Where brk begins in a hand-written file: in the middle of the window that a live run's addresses lie in.
    private static let heapStart: UInt64 = 0x1800_0000_0000

    /// brk. The first result of a recording is the heap's start.
    private func moveHeapEnd(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        let wanted = try number(s, 0)
        if s.result == .unknown { return Outcome(.recorded) }
        if !actor.owner.process.hasHeap {
            var start = Player.heapStart
            if case .value(let result) = s.result { start = result }
            actor.owner.process.setHeap(start: start)
        }
        return Outcome(.address(actor.task.brk(wanted)))
    }

    private func residence(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        let (address, length) = (try number(s, 0), try number(s, 1))
        if s.result == .none, let vector = s.integer(2) {
            return .of { () throws(Errno) in try task.mincore(address, length, vector: vector) }
        }
        let pages = length >> 12 &+ (length & 4095 == 0 ? 0 : 1)
        if pages > Player.mostResidencePages {
            if s.result != .none { return Outcome(.recorded) }
            throw fail(s, "expected at most \(Player.mostResidencePages) pages", column: s[1].column)
        }
        do throws(Errno) {
            let bytes = try task.mincore(address, length)
            return s.result == .none ? Outcome(.value(0), Details(reading: bytes)) : .done
        } catch {
            return Outcome(.error(error))
        }
    }

    /// process_madvise: the vector as strace prints it, or the address of one in memory. Which process a recorded
    /// descriptor means, the trace need not say.
    private func adviseProcess(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        let target = Int(Int32(truncatingIfNeeded: try number(s, 0)))
        if s.result != .none, target >= 0, !task.isOpen(target) { return Outcome(.unsupported) }
        let (count, advice) = (try number(s, 2), try number(s, 3))
        let flags = s.integer(4) ?? 0
        var ranges: [AdviceRange]?
        var address: UInt64 = 0
        if case .structure(let range) = s[1].value {
            var found: [AdviceRange] = []
            var start: UInt64 = 0
            for field in s.fields(of: range) {
                if field.name == baseName { start = field.value ?? 0 }
                guard field.name == lengthName, let length = field.value else { continue }
                found.append(AdviceRange(start: start, length: length))
            }
            ranges = found
        } else {
            address = try number(s, 1)
        }
        do throws(Errno) {
            return Outcome(
                .value(try task.processMadvise(target, ranges, at: address, count: count, advice, flags: flags)))
        } catch {
            return Outcome(.error(error))
        }
    }

    private func lock(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        if s.call == .munlockall { return .of { () throws(Errno) in try task.munlockall() } }
        let first = try number(s, 0)
        if s.call == .mlockall { return .of { () throws(Errno) in try task.mlockall(first) } }
        let length = try number(s, 1)
        switch s.call {
        case .mlock: return .of { () throws(Errno) in try task.mlock(first, length) }
        case .munlock: return .of { () throws(Errno) in try task.munlock(first, length) }
        default:
            let flags = try number(s, 2)
            return .of { () throws(Errno) in try task.mlock2(first, length, flags) }
        }
    }
}
