// A file opened for reading, by the system calls themselves: `LiveFile`, and the monotonic clock that times what is read.
// Part of this target's unsafe floor; `ProcFS` reads text through it and `Inspect` page-table maps. A read of a file under
// /proc/PID runs inside the kernel's show functions (fs/proc/task_mmu.c), so how long one takes is how long a lock is held.

import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A file opened for reading; closed when the value ends.
public struct LiveFile: ~Copyable, Sendable {
    let descriptor: CInt

    /// Opens `path` (`open(2)` with `O_RDONLY | O_CLOEXEC`).
    public init(reading path: String) throws(Errno) {
        descriptor = try retrying { unsafe open(path, O_RDONLY | O_CLOEXEC) }
    }

    /// Takes over a descriptor that the caller opened, such as the reading end of a pipe.
    init(owning descriptor: CInt) {
        self.descriptor = descriptor
    }

    deinit {
        _ = close(descriptor)
    }

    /// Reads at the file's position into `buffer`; returns the bytes read, 0 at the end.
    public func read(into buffer: inout [UInt8]) throws(Errno) -> Int {
        try retrying {
            unsafe buffer.withUnsafeMutableBytes { bytes in
                unsafe systemRead(descriptor, bytes.baseAddress, bytes.count)
            }
        }
    }

    /// Reads 64-bit words at byte `offset` into the front of `words`; returns the number of whole words read.
    func read(words: inout [UInt64], count: Int, at offset: UInt64) throws(Errno) -> Int {
        precondition(count <= words.count)
        let bytesRead = try retrying {
            unsafe words.withUnsafeMutableBytes { bytes in
                unsafe pread(descriptor, bytes.baseAddress, count * 8, off_t(bitPattern: UInt(offset)))
            }
        }
        return bytesRead / 8
    }
}

/// The monotonic clock in nanoseconds.
func monotonicNanoseconds() -> UInt64 {
    var time = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
}

/// Runs a system call again while a signal interrupts it, and turns -1 into the thread's errno.
func retrying<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
    while true {
        let result = call()
        if result != -1 { return result }
        let code = Errno(rawValue: errno)
        if code != .interrupted { throw code }
    }
}

/// `read(2)` under a name that the methods above do not hide.
@unsafe private func systemRead(_ descriptor: CInt, _ base: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    unsafe read(descriptor, base, count)
}

/// Writes out what `print` has buffered: a pipe's reader would see it only at the end otherwise.
public func flushStandardOutput() {
    fflush(nil)
}
