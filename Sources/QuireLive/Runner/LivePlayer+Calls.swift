// Which call is which: the one switch from a line's name to what carries it out, and the calls whose arguments are
// numbers alone.

import CQuireLive
import QuireWorkload

/// A call that goes to the kernel as it stands.
struct PlainCall {
    var call: quire_call
    var arguments: ClosedRange<Int>
    var isAddress = false

    init(_ call: quire_call, _ arguments: ClosedRange<Int>, isAddress: Bool = false) {
        self.call = call
        self.arguments = arguments
        self.isAddress = isAddress
    }

    static func of(_ name: CallName) -> PlainCall? {
        switch name {
        case .mmap: PlainCall(QUIRE_MMAP, 6...6, isAddress: true)
        case .munmap: PlainCall(QUIRE_MUNMAP, 2...2)
        case .mprotect: PlainCall(QUIRE_MPROTECT, 3...3)
        case .mremap: PlainCall(QUIRE_MREMAP, 4...5, isAddress: true)
        case .madvise: PlainCall(QUIRE_MADVISE, 3...3)
        case .mlock: PlainCall(QUIRE_MLOCK, 2...2)
        case .mlock2: PlainCall(QUIRE_MLOCK2, 3...3)
        case .munlock: PlainCall(QUIRE_MUNLOCK, 2...2)
        case .mlockall: PlainCall(QUIRE_MLOCKALL, 1...1)
        case .munlockall: PlainCall(QUIRE_MUNLOCKALL, 0...0)
        case .msync: PlainCall(QUIRE_MSYNC, 3...3)
        case .ftruncate: PlainCall(QUIRE_FTRUNCATE, 2...2)
        case .close: PlainCall(QUIRE_CLOSE, 1...1)
        case .dup: PlainCall(QUIRE_DUP, 1...1)
        case .fcntl: PlainCall(QUIRE_FCNTL, 2...3)
        default: nil
        }
    }
}

extension LivePlayer {
    /// Carries a call out.
    func execute(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        if let plain = PlainCall.of(s.call) { return try execute(plain, s, process) }
        switch s.call {
        case .store, .load, .touchWrite, .touchRead: return try access(s, process)
        case .mincore: return try residence(s, process)
        case .brk: return try moveHeapEnd(s, process)
        case .processMadvise: return try adviseProcess(s, process)
        case .pidfdOpen: return try openProcess(s, process)
        case .fork, .vfork, .clone, .clone3: return try makeProcess(s, process)
        case .exit, .exitGroup: return try exit(s, process)
        case .wait4: return try wait(s, process)
        case .fallocate: return try allocate(s, process)
        case .open: return try open(s, process)
        case .openat:
            if s.string(1)?.hasPrefix("/") == false { settings.settleReadahead(of: folder) }
            return try callWithText(QUIRE_OPENAT, s, process, at: 1)
        case .memfdCreate: return try callWithText(QUIRE_MEMFD_CREATE, s, process, at: 0)
        case .prctl:
            let last = s.argumentCount - 1
            let hasText = last >= 0 && s.string(last) != nil
            return try callWithText(QUIRE_PRCTL, s, process, at: hasText ? last : nil)
        case .pread64: return try read(s, process)
        case .pwrite64: return try write(s, process)
        case .readSys, .writeSys: return try systemFile(s, process)
        case .run: return try runDaemon(s)
        case .gup, .unpin: return try pin(s, process)
        // userfaultfd and ioctl wait for the model's.
        default: return LiveOutcome(.unsupported)
        }
    }

    private func execute(
        _ plain: PlainCall, _ s: Statement, _ process: LiveProcess
    ) throws(LiveRunError) -> LiveOutcome {
        guard plain.arguments.contains(s.argumentCount) else {
            let (least, most) = (plain.arguments.lowerBound, plain.arguments.upperBound)
            let wanted = least == most ? "\(least)" : "\(least) to \(most)"
            throw fail(s, "expected \(wanted) arguments of \(names.text(of: s.call)), found \(s.argumentCount)")
        }
        var arguments: [UInt64] = []
        for index in 0..<s.argumentCount { arguments.append(try number(s, index)) }
        return LiveOutcome(try process.call(plain.call, arguments), isAddress: plain.isAddress)
    }

    /// brk. Where the worker could not put its heap into the window, its addresses would be others.
    private func moveHeapEnd(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        guard heapError == 0 else {
            throw .skipped("this kernel does not let a process place its heap (PR_SET_MM_MAP)")
        }
        return LiveOutcome(try process.call(QUIRE_BRK, [try number(s, 0)]), isAddress: true)
    }

    /// fallocate. On a memory file it takes what it says at once: more than this is not for the machine.
    private func allocate(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let most: UInt64 = 1 << 30
        let (descriptor, mode) = (try number(s, 0), try number(s, 1))
        let (offset, length) = (try number(s, 2), try number(s, 3))
        let (end, overflows) = offset.addingReportingOverflow(length)
        let allocates = mode & 0xFFFF_FFFE == 0
        guard !allocates || length <= most || overflows || end > UInt64(Int64.max) else {
            throw .skipped("line \(s.line) would take \(length >> 20) MiB of this machine's memory")
        }
        return LiveOutcome(try process.call(QUIRE_FALLOCATE, [descriptor, mode, offset, length]))
    }

    /// open, which not every architecture has: openat in the present directory.
    private func open(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let here = UInt64(bitPattern: -100)  // AT_FDCWD
        let (flags, mode) = (try number(s, 1), try number(s, 2, otherwise: 0))
        let bytes = Array(try text(s, 0).utf8) + [0]
        if s.string(0)?.hasPrefix("/") == false { settings.settleReadahead(of: folder) }
        return LiveOutcome(try process.call(QUIRE_OPENAT, [here, QUIRE_SCRATCH, flags, mode], bytes: bytes))
    }

    /// process_madvise: the vector as strace prints it, or the address of one in memory.
    private func adviseProcess(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let (target, count, advice) = (try number(s, 0), try number(s, 2), try number(s, 3))
        let flags = try number(s, 4, otherwise: 0)
        guard case .structure(let range) = s[1].value else {
            return LiveOutcome(
                try process.call(QUIRE_PROCESS_MADVISE, [target, try number(s, 1), count, advice, flags]))
        }
        var bytes: [UInt8] = []
        for field in s.fields(of: range) { bytes += (field.value ?? 0).littleEndianBytes }
        // More vectors than the kernel takes are refused before it reads them.
        guard count <= UInt64(bytes.count / 16) || count > 1024, bytes.count <= Int(QUIRE_SCRATCH_SIZE) else {
            throw fail(s, "expected \(count) ranges", column: s[1].column)
        }
        return LiveOutcome(
            try process.call(QUIRE_PROCESS_MADVISE, [target, QUIRE_SCRATCH, count, advice, flags], bytes: bytes))
    }

    /// A call with at most one string, which lies in the scratch buffer.
    private func callWithText(
        _ call: quire_call, _ s: Statement, _ process: LiveProcess, at place: Int?
    ) throws(LiveRunError) -> LiveOutcome {
        var arguments: [UInt64] = []
        var bytes: [UInt8] = []
        for index in 0..<min(s.argumentCount, 6) {
            if index == place {
                bytes = Array(try text(s, index).utf8) + [0]
                arguments.append(QUIRE_SCRATCH)
            } else {
                arguments.append(try number(s, index))
            }
        }
        if let place, place >= s.argumentCount { _ = try text(s, place) }
        guard bytes.count <= Int(QUIRE_SCRATCH_SIZE) else { throw fail(s, "expected a shorter string") }
        return LiveOutcome(try process.call(call, arguments, bytes: bytes))
    }
}
