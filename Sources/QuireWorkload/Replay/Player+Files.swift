// Descriptors and files. A recorded line says what the outside world answered, so its result is taken and the
// descriptor gets the recorded number; a line without a result opens files of the workload's own.

import Quire

/// The bits of open's flags that matter here.
private enum OpenFlags {
    static let access: UInt64 = 3
    static let create: UInt64 = 0x40
    static let exclusive: UInt64 = 0x80
    static let truncate: UInt64 = 0x200
}

extension Player {
    /// The most bytes that one read or write moves (MAX_RW_COUNT).
    private static let mostMoved: UInt64 = 0x7FFF_F000
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
            guard s.result == .none else {
                if case .value(let new) = s.result, task.isOpen(fd) {
                    _ = try? task.dup(fd, descriptor: Int(truncatingIfNeeded: new))
                }
                return Outcome(.recorded)
            }
            return result { () throws(Errno) in UInt64(try task.dup(fd)) }
        case .ftruncate, .fallocate: return try resize(s, task)
        case .pread64: return try read(s, task)
        default: return try write(s, task)
        }
    }

    private func descriptor(_ s: Statement) throws(ParseError) -> Int {
        Int(Int32(truncatingIfNeeded: try number(s, 0)))
    }

    private func result(_ body: () throws(Errno) -> UInt64) -> Outcome {
        do throws(Errno) { return Outcome(.value(try body())) } catch { return Outcome(.error(error)) }
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
        let access = (s.integer(at + 1) ?? 0) & OpenFlags.access
        _ = try? task.openRecorded(path, canWrite: access != 0, descriptor: Int(fd))
        return Outcome(.recorded)
    }

    private func openOwn(_ s: Statement, _ task: Task, _ at: Int) throws(ParseError) -> Outcome {
        let path = try text(s, at)
        let flags = try number(s, at + 1)
        let (canRead, canWrite) = (flags & OpenFlags.access != 1, flags & OpenFlags.access != 0)
        if path.hasPrefix("/") {
            return result { () throws(Errno) in UInt64(try task.openRecorded(path, canWrite: canWrite)) }
        }
        let create = flags & OpenFlags.create != 0
        if create, flags & OpenFlags.exclusive != 0, ownFiles.contains(path) { return Outcome(.error(.EEXIST)) }
        return result { () throws(Errno) in
            let fd = try task.openOwn(
                path, create: create, truncate: flags & OpenFlags.truncate != 0, canRead: canRead, canWrite: canWrite)
            ownFiles.insert(path)
            return UInt64(fd)
        }
    }

    private func makeMemoryFile(_ s: Statement, _ task: Task) throws(ParseError) -> Outcome {
        let name = try text(s, 0)
        switch s.result {
        case .none:
            if (s.integer(1) ?? 0) & 4 != 0 { return Outcome(.unsupported) }
            return result { () throws(Errno) in UInt64(try task.memfdCreate(name)) }
        case .value(let fd):
            _ = try? task.memfdCreate(name, descriptor: Int(Int32(truncatingIfNeeded: fd)))
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
                return Outcome(.value(UInt64(bytes.count)), Details(reading: bytes))
            } catch {
                return Outcome(.error(error))
            }
        }
        return try inPieces(s, count, offset) { done, piece throws(Errno) in
            let bytes = try task.read(fd, piece, at: offset &+ done)
            let address = (s.integer(1) ?? 0) &+ done
            for (index, byte) in bytes.enumerated() where task.storeByte(address &+ UInt64(index), byte) != .done {
                return UInt64(index)
            }
            return UInt64(bytes.count)
        }
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
            return result { () throws(Errno) in
                UInt64(try task.write(fd, Array(bytes.prefix(Int(count))), at: offset))
            }
        }
        return try inPieces(s, count, offset) { done, piece throws(Errno) in
            var bytes: [UInt8] = []
            let access = task.load((s.integer(1) ?? 0) &+ done, piece) { bytes.append($0) }
            if bytes.isEmpty, access != .done { throw .EFAULT }
            return UInt64(try task.write(fd, bytes, at: offset &+ done))
        }
    }

    /// Moves bytes between memory and a file a page at a time: as far as memory can be reached, EFAULT if not at all.
    private func inPieces(
        _ s: Statement, _ count: UInt64, _ offset: UInt64,
        _ move: (_ done: UInt64, _ piece: UInt64) throws(Errno) -> UInt64
    ) throws(ParseError) -> Outcome {
        _ = try number(s, 1)
        guard count <= UInt64(Int64.max), offset <= UInt64(Int64.max) else { return Outcome(.error(.EINVAL)) }
        let total = min(count, Player.mostMoved)
        var done: UInt64 = 0
        do throws(Errno) {
            repeat {
                let piece = min(4096, total - done)
                let moved = try move(done, piece)
                done += moved
                if moved < piece { break }
            } while done < total
        } catch {
            if done == 0 { return Outcome(.error(error)) }
        }
        return Outcome(.value(done))
    }
}
