// Which call is which: the one switch from a line's name to what carries it out, and the calls whose arguments are
// numbers alone.

import CQuireLive
import QuireWorkload

/// A call that goes to the kernel as it stands.
private struct PlainCall {
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
        case .fallocate: PlainCall(QUIRE_FALLOCATE, 4...4)
        case .close: PlainCall(QUIRE_CLOSE, 1...1)
        case .dup: PlainCall(QUIRE_DUP, 1...1)
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
        case .fork: return try fork(process)
        case .exit, .exitGroup: return try exit(s, process)
        case .wait4: return try wait(s, process)
        case .openat: return try callWithText(QUIRE_OPENAT, s, process, at: 1)
        case .memfdCreate: return try callWithText(QUIRE_MEMFD_CREATE, s, process, at: 0)
        case .prctl:
            let last = s.argumentCount - 1
            let hasText = last >= 0 && s.string(last) != nil
            return try callWithText(QUIRE_PRCTL, s, process, at: hasText ? last : nil)
        case .pread64: return try read(s, process)
        case .pwrite64: return try write(s, process)
        case .readSys, .writeSys: return try systemFile(s, process)
        case .run: return try runDaemon(s)
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
