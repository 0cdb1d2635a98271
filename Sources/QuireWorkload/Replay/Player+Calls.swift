// Which call is which: the one switch from a line's name to what carries it out.

import Quire

extension Player {
    /// Carries a call out.
    @inline(__always)
    func execute(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        switch s.call {
        case .touchWrite: return Outcome(actor.task.touchWrite(try number(s, 0), try number(s, 1)))
        case .touchRead: return Outcome(actor.task.touchRead(try number(s, 0), try number(s, 1)))
        default: return try executeOther(s, actor)
        }
    }

    @inline(never)
    private func executeOther(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        switch s.call {
        case .madvise, .mmap, .munmap, .mprotect, .mremap, .brk, .mlock, .mlock2, .munlock, .mlockall, .munlockall,
            .mincore, .msync, .processMadvise:
            try memory(s, actor)
        case .open, .openat, .memfdCreate, .ftruncate, .fallocate, .close, .dup, .pread64, .pwrite64, .fcntl:
            try file(s, actor)
        case .fork, .vfork, .clone, .clone3, .thread: try makeProcess(s, actor)
        case .execve: execve(s, actor)
        case .exit, .exitGroup: exit(s, actor)
        case .wait4: try wait(s, actor)
        case .pidfdOpen: try openProcess(s, actor)
        case .store, .load: try access(s, actor)
        case .writeSys, .readSys: try systemFile(s, actor)
        case .prctl: prctl(s, actor)
        case .ioctl: s.result == .none || s.isTracking ? Outcome(.unsupported) : Outcome(.recorded)
        case .gup, .unpin: try pin(s, actor)
        case .run: try runDaemon(s)
        case .userfaultfd, .swapon, .swapoff: Outcome(.unsupported)
        case .touchRead, .touchWrite, .snapshot, .parallel, .end, .expect, .never, .unknown: Outcome(.ignored)
        }
    }
}

extension Player {
    /// run(daemon, passes).
    private func runDaemon(_ s: Statement) throws(ParseError) -> Outcome {
        guard case .word(let name) = s[0].value else { return Outcome(.unsupported) }
        switch names[text: name] {
        case "khugepaged": machine.runKhugepaged(passes: try number(s, 1))
        case "pt_reclaimd": machine.runTableReclaimer(passes: try number(s, 1))
        default: return Outcome(.unsupported)
        }
        return .done
    }
}

extension Statement {
    /// A request of userfaultfd or PAGEMAP_SCAN.
    fileprivate var isTracking: Bool {
        guard let request = integer(1) else { return false }
        return request >> 8 & 0xFF == 0xAA || request == 0xC060_6610
    }
}
