// Descriptors and files. A recorded line says what the outside world answered, so its result is taken and the
// descriptor gets the recorded number; a line without a result opens files of the workload's own.

import Quire

extension Player {
    /// The most bytes that a report's read may ask for.
    private static let mostReported: UInt64 = 1 << 20

    /// open to pwrite64.
    func file(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        let task = actor.task
        switch s.call {
        case .open, .openat:
            let at = s.call == .open ? 0 : 1
            return s.result == .none ? try openOwn(s, task, at) : openRecorded(s, task, at)
        case .memfdCreate: return try makeMemoryFile(s, task)
        case .close:
            let fd = try descriptor(s)
            if s.result != .none || s.isUnfinished {
                if task.isOpen(fd) { try? task.close(fd) }
                return Outcome(.recorded)
            }
            return .of { () throws(Errno) in try task.close(fd) }
        case .dup:
            let fd = try descriptor(s)
            if s.result != .none { return dupRecorded(s, task, fd) }
            return .value { () throws(Errno) in UInt64(try task.dup(fd)) }
        case .fcntl: return try control(s, task)
        case .ftruncate, .fallocate: return try resize(s, task)
        case .pread64: return try read(s, task)
        default: return try write(s, task)
        }
    }

    private func descriptor(_ s: Statement) throws(ParseError) -> Int {
        Int(Int32(truncatingIfNeeded: try number(s, 0)))
    }

    // MARK: Opening

    private func openRecorded(_ s: Statement, _ task: Task, _ at: Int) -> Outcome {
        guard case .value(let fd) = s.result, fd < 1 << 31, case .string(let text) = s[at].value else {
            return Outcome(.recorded)
        }
        var path = s.string(of: text)
        // A path that was cut short may be any file's; below a directory's descriptor the same name is another file.
        if text.isTruncated { path += "... (line \(s.line))" }
        if s.call == .openat, let directory = s.integer(0), Int32(truncatingIfNeeded: directory) >= 0,
            !path.hasPrefix("/")
        {
            path = "fd:\(Int32(truncatingIfNeeded: directory))/" + path
        }
        let request = OpenRequest(flags: s.integer(at + 1) ?? 0)
        _ = try? task.openRecorded(path, canWrite: request.canWrite, descriptor: Int(fd))
        return Outcome(.recorded)
    }

    private func openOwn(_ s: Statement, _ task: Task, _ at: Int) throws(ParseError) -> Outcome {
        let path = try text(s, at)
        let request = OpenRequest(flags: try number(s, at + 1))
        if path == "/proc/self/pagemap" { return Outcome(.value(UInt64(task.openPagemap()))) }
        if path.hasPrefix("/") {
            return .value { () throws(Errno) in UInt64(try task.openRecorded(path, canWrite: request.canWrite)) }
        }
        return .value { () throws(Errno) in UInt64(try task.openOwn(path, request)) }
    }

    private func makeMemoryFile(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        let name = try text(s, 0)
        switch s.result {
        case .none:
            let flags = s.integer(1) ?? 0
            if flags & 4 != 0 { return Outcome(.unsupported) }  // MFD_HUGETLB
            return .value { () throws(Errno) in UInt64(try task.memfdCreate(name, flags: flags)) }
        case .value(let fd):
            // What the kernel of the recording took, this one may not.
            let number = Int(Int32(truncatingIfNeeded: fd))
            let flags = (s.integer(1) ?? 0) & 0x1B
            _ = try? task.memfdCreate(name, flags: flags, descriptor: number)
            return Outcome(.recorded)
        case .error, .unknown: return Outcome(.recorded)
        }
    }

    // MARK: Sizes

    private func resize(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        let fd = try descriptor(s)
        if s.result != .none {
            // What a file of the recorded world answers is that world's; its size is known from here on.
            guard case .value = s.result, task.isOpen(fd) else { return Outcome(.recorded) }
            if s.call == .fallocate, !task.isMemoryFile(fd) { return Outcome(.recorded) }
        }
        let outcome: Outcome
        if s.call == .ftruncate {
            let size = try number(s, 1)
            outcome = .of { () throws(Errno) in try task.ftruncate(fd, size) }
        } else {
            let (mode, offset, length) = (try number(s, 1), try number(s, 2), try number(s, 3))
            outcome = .of { () throws(Errno) in try task.fallocate(fd, mode, offset, length) }
        }
        return s.result == .none || task.isMemoryFile(fd) ? outcome : Outcome(.recorded)
    }

    // MARK: Contents

    private func read(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        if s.result != .none { return Outcome(.recorded) }
        let fd = try descriptor(s)
        let (count, offset) = (try number(s, 2), try number(s, 3))
        if case .string = s[1].value {
            guard count <= Player.mostReported else {
                throw fail(s, "expected at most \(Player.mostReported) bytes", column: s[2].column)
            }
            do throws(Errno) {
                let bytes = try task.read(fd, count, at: offset)
                let shown = task.isPagemap(fd) ? Pagemap.withoutFrames(bytes) : bytes
                return Outcome(.value(UInt64(bytes.count)), Details(reading: shown))
            } catch {
                return Outcome(.error(error))
            }
        }
        let address = try number(s, 1)
        return .value { () throws(Errno) in try task.pread(fd, address, count, at: offset) }
    }

    private func write(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        if s.result != .none { return Outcome(.recorded) }
        let fd = try descriptor(s)
        let (count, offset) = (try number(s, 2), try number(s, 3))
        if case .string(let text) = s[1].value {
            let bytes = [UInt8](s.bytes(of: text))
            guard count <= UInt64(bytes.count) else {
                throw fail(s, "expected a string of \(count) bytes", column: s[1].column)
            }
            return .value { () throws(Errno) in
                UInt64(try task.write(fd, Array(bytes.prefix(Int(count))), at: offset))
            }
        }
        let address = try number(s, 1)
        return .value { () throws(Errno) in try task.pwrite(fd, address, count, at: offset) }
    }

    // MARK: fcntl

    /// fcntl: copies of descriptors, and seals. What else there is has no bearing on memory.
    private func control(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        let fd = try descriptor(s)
        guard let command = s.integer(1) else { return Outcome(.recorded) }
        let argument = s.integer(2) ?? 0
        switch Int32(truncatingIfNeeded: command) {
        case FileCommand.duplicate, FileCommand.duplicateClosing:
            if s.result != .none { return dupRecorded(s, task, fd) }
            guard task.isOpen(fd) else { return Outcome(.error(.EBADF)) }
            let least = UInt32(truncatingIfNeeded: argument)
            guard least < FileCommand.descriptors else { return Outcome(.error(.EINVAL)) }
            return .value { () throws(Errno) in UInt64(try task.dup(fd, least: Int(least))) }
        case FileCommand.addSeals:
            guard s.result == .none || task.isMemoryFile(fd) else { return Outcome(.recorded) }
            return .of { () throws(Errno) in try task.addSeals(fd, argument) }
        case FileCommand.getSeals:
            guard s.result == .none || task.isMemoryFile(fd) else { return Outcome(.recorded) }
            return .value { () throws(Errno) in try task.seals(fd) }
        default:
            return s.result == .none ? Outcome(.unsupported) : Outcome(.recorded)
        }
    }

    private func dupRecorded(_ s: Statement, _ task: Task, _ fd: Int) -> Outcome {
        if case .value(let new) = s.result, task.isOpen(fd) {
            _ = try? task.dup(fd, descriptor: Int(Int32(truncatingIfNeeded: new)))
        }
        return Outcome(.recorded)
    }
}

/// Commands of fcntl, and its limit.
private enum FileCommand {
    static let duplicate: Int32 = 0
    static let duplicateClosing: Int32 = 0x406
    static let addSeals: Int32 = 0x409
    static let getSeals: Int32 = 0x40A
    /// More than a process may have open.
    static let descriptors: UInt32 = 1 << 20
}
