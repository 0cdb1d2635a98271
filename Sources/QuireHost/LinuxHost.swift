// The host functions for Linux: anonymous mappings without reservation, MADV_DONTNEED, futexes. The only place
// where a machine's requests become system calls; `Quire/Host/Host.swift` says what each function promises.

import CQuireHost
import Glibc
public import Quire

extension Host {
    /// The system this process runs on.
    public static let linux = unsafe Host(
        reserve: { bytes in
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
            let start = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, flags, -1, 0)
            return unsafe start == MAP_FAILED ? nil : start
        },
        release: { start, bytes in _ = unsafe munmap(start, bytes) },
        discard: { start, bytes in _ = unsafe madvise(start, bytes, MADV_DONTNEED) },
        park: { word, expected in unsafe quire_futex_wait(word, expected) },
        unpark: { word, count in unsafe quire_futex_wake(word, CInt(clamping: count)) },
        relax: { _ = sched_yield() })
}
