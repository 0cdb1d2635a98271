// What can go wrong while a live process is looked at, as one typed error that says what to do: `LiveError`. Everything
// public in this target throws it. /proc answers with different codes for the same fact (ENOENT when a process is gone at
// open, ESRCH at read, nothing at all for a zombie); this file makes one answer of them.

import SystemPackage

/// Why a live process could not be looked at.
public enum LiveError: Error, Hashable, Sendable {
    /// There never was, or is no longer at the first look, a process with this id.
    case noSuchProcess(Int)
    /// It ended, or replaced itself by `execve`, while it was being looked at.
    case exited(Int)
    /// The kernel does not let this user look.
    case permissionDenied(Int, file: String)
    /// A kernel thread: it has no address space.
    case kernelThread(Int)
    /// A file of /proc does not read as expected.
    case malformed(file: String, line: Int, text: String)
    /// This kernel cannot do what was asked.
    case unsupported(String)
    /// A child process did not answer as it should.
    case childFailed(String)
    /// Any other failure of a system call.
    case system(String, Errno)

    /// Names what `error`, met at `file` of process `pid`, means.
    init(_ error: Errno, pid: Int, file: String) {
        switch error {
        case .noSuchFileOrDirectory: self = .noSuchProcess(pid)
        case .noSuchProcess: self = .exited(pid)
        case .permissionDenied, .notPermitted: self = .permissionDenied(pid, file: file)
        default: self = .system(file, error)
        }
    }
}

extension LiveError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noSuchProcess(let pid): "no process \(pid)"
        case .exited(let pid): "process \(pid) exited, or started another program, while it was being looked at"
        case .permissionDenied(let pid, let file):
            "no permission to read \(file) of process \(pid): run as root, or with CAP_SYS_PTRACE"
        case .kernelThread(let pid): "process \(pid) is a kernel thread: it has no address space and no page tables"
        case .malformed(let file, let line, let text): "\(file): line \(line): cannot be read: \(text.debugDescription)"
        case .unsupported(let what): what
        case .childFailed(let what): what
        case .system(let call, let code): "\(call): \(code)"
        }
    }
}

/// Opens the file `name` of process `pid`, with the error named.
func openProcessFile(_ pid: Int, _ name: String) throws(LiveError) -> LiveFile {
    do throws(Errno) {
        return try LiveFile(reading: "/proc/\(pid)/\(name)")
    } catch {
        throw LiveError(error, pid: pid, file: name)
    }
}

/// Hands every line of the file `name` of process `pid` to `body`, with its number; returns the longest read's nanoseconds.
@discardableResult
func forEachLine(
    of pid: Int, _ name: String, _ body: (ArraySlice<UInt8>, Int) throws(LiveError) -> Void
) throws(LiveError) -> UInt64 {
    var reader = LineReader(try openProcessFile(pid, name))
    var number = 0
    while true {
        let line: ArraySlice<UInt8>?
        do throws(Errno) {
            line = try reader.next()
        } catch {
            throw LiveError(error, pid: pid, file: name)
        }
        guard let line else { return reader.longestReadNanoseconds }
        number += 1
        try body(line, number)
    }
}
