// Accesses byte by byte, residency, and contents of files: what moves bytes between the workload's memory and the report.

import CQuireLive
import QuireWorkload
import SystemPackage

extension LivePlayer {
    /// The longest load whose bytes the report carries.
    private static let mostData: UInt64 = 64

    /// store, load, touch_write, touch_read.
    func access(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let arguments = [try number(s, 0), try number(s, 1), try number(s, 2, otherwise: 0)]
        let operation =
            switch s.call {
            case .store: QUIRE_STORE
            case .load: QUIRE_LOAD
            case .touchWrite: QUIRE_TOUCH_WRITE
            default: QUIRE_TOUCH_READ
            }
        let wanted = s.call == .load ? Int(min(arguments[1], Self.mostData)) : 0
        let answer = try process.ask(.access(operation, arguments, wanted: wanted))
        var outcome = LiveOutcome(answer)
        guard case .value = outcome.ending, case .reply(let reply, let bytes) = answer else { return outcome }
        guard s.call == .load else { return .done }
        outcome.ending = .nothing
        // A name stands for the bytes as a little-endian number.
        outcome.bound = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        if arguments[1] <= Self.mostData { outcome.data = Array(bytes) } else { outcome.hash = reply.hash }
        return outcome
    }

    /// mincore: without a vector the report carries one byte a page.
    func residence(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let (address, length) = (try number(s, 0), try number(s, 1))
        if s.argumentCount > 2 {
            return LiveOutcome(try process.call(QUIRE_MINCORE, [address, length, try number(s, 2)]))
        }
        let pages = length >> 12 + (length & 4095 == 0 ? 0 : 1)
        guard pages <= UInt64(QUIRE_SCRATCH_SIZE) else {
            throw fail(s, "expected at most \(QUIRE_SCRATCH_SIZE) pages", column: s[1].column)
        }
        let answer = try process.call(QUIRE_MINCORE, [address, length, QUIRE_SCRATCH], wanted: Int(pages))
        var outcome = LiveOutcome(answer)
        if case .value = outcome.ending, case .reply(_, let bytes) = answer {
            // The other bits are not defined.
            outcome.read(ArraySlice(bytes.map { $0 & 1 }))
        }
        return outcome
    }

    /// pread64: into memory, or, where a string stands for the buffer, into the report.
    func read(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let (descriptor, count, offset) = (try number(s, 0), try number(s, 2), try number(s, 3))
        guard s.string(1) != nil else {
            return LiveOutcome(try process.call(QUIRE_PREAD64, [descriptor, try number(s, 1), count, offset]))
        }
        guard count <= UInt64(QUIRE_SCRATCH_SIZE) else {
            throw fail(s, "expected at most \(QUIRE_SCRATCH_SIZE) bytes", column: s[2].column)
        }
        let answer = try process.call(QUIRE_PREAD64, [descriptor, QUIRE_SCRATCH, count, offset], wanted: Int(count))
        var outcome = LiveOutcome(answer)
        if case .value(let got) = outcome.ending, case .reply(_, let bytes) = answer {
            let read = Array(bytes.prefix(Int(got)))
            let hidesFrames = !showsFrames && process.isPagemap(descriptor)
            outcome.read(ArraySlice(hidesFrames ? Pagemap.withoutFrames(read) : read))
        }
        return outcome
    }

    /// pwrite64: from memory, or the bytes of a string.
    func write(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let (descriptor, count, offset) = (try number(s, 0), try number(s, 2), try number(s, 3))
        guard case .string(let text) = s[1].value else {
            return LiveOutcome(try process.call(QUIRE_PWRITE64, [descriptor, try number(s, 1), count, offset]))
        }
        let bytes = Array(s.bytes(of: text))
        guard count <= UInt64(bytes.count), count <= UInt64(QUIRE_SCRATCH_SIZE) else {
            throw fail(s, "expected a string of \(count) bytes", column: s[1].column)
        }
        return LiveOutcome(
            try process.call(
                QUIRE_PWRITE64, [descriptor, QUIRE_SCRATCH, count, offset], bytes: Array(bytes.prefix(Int(count)))))
    }

    /// read_sys and write_sys: files of the kernel, with /proc/self as the process of the line.
    func systemFile(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let named = try text(s, 0)
        let own = "/proc/self/"
        let path = named.hasPrefix(own) ? "/proc/\(process.pid)/" + named.dropFirst(own.utf8.count) : named
        do throws(Errno) {
            if s.call == .readSys {
                var outcome = LiveOutcome(.nothing)
                outcome.path = named
                outcome.value = try settings.read(path)
                return outcome
            }
            guard let value = s.string(1) ?? s.integer(1).map({ String($0) }) else { throw .invalidArgument }
            try settings.set(path, value)
            return .done
        } catch {
            return LiveOutcome(.error(error.rawValue))
        }
    }

    /// run: a kernel thread does whole passes.
    func runDaemon(_ s: Statement) throws(LiveRunError) -> LiveOutcome {
        guard s.argumentCount > 0, case .word(let name) = s[0].value, names[text: name] == "khugepaged" else {
            return LiveOutcome(.unsupported)
        }
        let passes = try number(s, 1)
        do throws(Errno) {
            try settings.runKhugepaged(passes: passes)
            return .done
        } catch {
            return LiveOutcome(.error(error.rawValue))
        }
    }
}
