// The calls of the workload format: the system calls it reads, the accesses and events that strace cannot see, and the
// four words of a parallel block. `Names` maps a call's text to its case; everything else is `.unknown`.

/// What a line calls.
///
/// Equality of two unknown calls is by the identifier that one `Names` gave to their text.
public enum CallName: Hashable, Sendable {
    // Address space
    case mmap, munmap, mprotect, mremap, madvise, processMadvise, brk
    case mlock, mlock2, munlock, mlockall, munlockall, mincore, msync
    // Processes
    case fork, vfork, clone, clone3, execve, exit, exitGroup, wait4, pidfdOpen
    // Files
    case open, openat, memfdCreate, ftruncate, fallocate, close, pread64, pwrite64, dup, fcntl
    // Tracking, options, swap
    case userfaultfd, ioctl, prctl, swapon, swapoff
    // Accesses
    case store, load, touchWrite, touchRead, gup, unpin
    // Events
    case run, writeSys, readSys, snapshot, thread
    // Concurrency and verdicts
    case parallel, end, expect, never
    /// A call that the format does not know: counted as ignored, never an error. The name is in `Names`.
    case unknown(NameID)

    /// Each known call by its name in a workload file.
    static var known: [(name: String, call: CallName)] {
        [
            ("mmap", .mmap), ("munmap", .munmap), ("mprotect", .mprotect), ("mremap", .mremap), ("madvise", .madvise),
            ("process_madvise", .processMadvise), ("brk", .brk), ("mlock", .mlock), ("mlock2", .mlock2),
            ("munlock", .munlock), ("mlockall", .mlockall), ("munlockall", .munlockall), ("mincore", .mincore),
            ("msync", .msync), ("fork", .fork), ("vfork", .vfork), ("clone", .clone), ("clone3", .clone3),
            ("execve", .execve), ("exit", .exit), ("exit_group", .exitGroup), ("wait4", .wait4),
            ("pidfd_open", .pidfdOpen), ("open", .open), ("openat", .openat), ("memfd_create", .memfdCreate),
            ("ftruncate", .ftruncate), ("fallocate", .fallocate), ("close", .close), ("pread64", .pread64),
            ("pwrite64", .pwrite64), ("dup", .dup), ("fcntl", .fcntl), ("userfaultfd", .userfaultfd),
            ("ioctl", .ioctl), ("prctl", .prctl), ("swapon", .swapon), ("swapoff", .swapoff), ("store", .store),
            ("load", .load), ("touch_write", .touchWrite), ("touch_read", .touchRead),
            ("gup", .gup), ("unpin", .unpin), ("run", .run), ("write_sys", .writeSys),
            ("read_sys", .readSys), ("snapshot", .snapshot), ("thread", .thread), ("parallel", .parallel),
            ("end", .end), ("expect", .expect), ("never", .never),
        ]
    }

    /// Whether a tracer may print arguments that the format does not name (another driver's ioctl request, a status
    /// word, an array): in a recorded line these become `.omitted`. The memory calls are read strictly.
    var hasForeignArguments: Bool {
        switch self {
        case .ioctl, .prctl, .open, .openat, .wait4, .clone, .clone3, .execve, .swapon, .memfdCreate, .mincore,
            .pread64, .pwrite64, .userfaultfd, .fallocate, .exit, .exitGroup, .fcntl:
            true
        default: false
        }
    }
}
