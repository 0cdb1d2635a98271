// The processor time of this thread: what a loop takes on one core, whoever else uses the machine.

import Glibc

/// Clocks of the host.
public enum HostClock {
    /// Nanoseconds that this thread has run.
    public static var threadNanoseconds: UInt64 {
        var time = timespec()
        guard unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
