// How much host memory this process has used, for measurements.

import Glibc

/// The host memory of this process.
public enum HostMemory {
    /// The most that was resident, in kB (getrusage's ru_maxrss).
    public static var peakResidentKilobytes: Int {
        var usage = rusage()
        unsafe getrusage(RUSAGE_SELF.rawValue, &usage)
        return usage.ru_maxrss
    }
}
