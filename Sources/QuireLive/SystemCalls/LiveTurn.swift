// What a live run holds on the machine: the turn (one run at a time, by a lock on a file), a directory for the workload's
// files, and the writing of kernel files. Part of the unsafe floor.

import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The folder for temporary files.
func temporaryFolder() -> String {
    guard let value = unsafe getenv("TMPDIR"), let text = unsafe String(validatingCString: value), !text.isEmpty else {
        return "/tmp"
    }
    return text
}

/// The right to run on this machine: two runs at once would disturb each other's settings. Given back at the end.
final class LiveTurn {
    private let descriptor: CInt

    private init(_ descriptor: CInt) { self.descriptor = descriptor }

    /// Waits for the turn; nil if the user asks to end before.
    static func take() throws(Errno) -> LiveTurn? {
        let path = temporaryFolder() + "/quire-live.lock"
        let turn = LiveTurn(try retrying { unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o666) })
        while flock(turn.descriptor, LOCK_EX | LOCK_NB) != 0 {
            if InterruptFlag.wait(seconds: 0.05) { return nil }
        }
        return turn
    }

    deinit { _ = close(descriptor) }
}

/// A fresh directory, removed with its files at the end.
final class ScratchFolder {
    let path: String

    init() throws(Errno) {
        var template = Array((temporaryFolder() + "/quire-live-XXXXXX").utf8CString)
        guard unsafe mkdtemp(&template) != nil else { throw Errno(rawValue: errno) }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        clear()
        unsafe rmdir(path)
    }

    /// Removes the files in it.
    func clear() {
        if let folder = unsafe opendir(path) {
            while let entry = unsafe readdir(folder) {
                let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { tuple in
                    unsafe tuple.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
                }
                if name != "." && name != ".." { unsafe unlink(path + "/" + name) }
            }
            unsafe closedir(folder)
        }
    }
}

/// A kernel file as text, without the line feeds at its end.
func readText(_ path: String) throws(Errno) -> String {
    let file = try LiveFile(reading: path)
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while bytes.count < 1 << 20 {
        let count = try file.read(into: &chunk)
        if count == 0 { break }
        bytes += chunk[..<count]
    }
    while bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    return String(decoding: bytes, as: UTF8.self)
}

/// The number of the disk that a folder lies on, as /sys/dev/block names it: `254:0`.
func diskNumber(of path: String) -> String? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    let device = UInt64(status.st_dev)
    return "\(device >> 8 & 0xFFF | device >> 32 & ~0xFFF):\(device & 0xFF | device >> 12 & ~0xFF & 0xFFFF_FFFF)"
}

/// What a symbolic link says; nil where there is none.
func linkTarget(_ path: String) -> String? {
    var bytes = [CChar](repeating: 0, count: 4096)
    let count = unsafe readlink(path, &bytes, bytes.count)
    guard count >= 0 else { return nil }
    return String(decoding: bytes.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Writes a kernel file in one write.
func writeText(_ path: String, _ text: String) throws(Errno) {
    let descriptor = try retrying { unsafe open(path, O_WRONLY | O_CLOEXEC) }
    defer { _ = close(descriptor) }
    let bytes = Array(text.utf8)
    _ = try retrying { unsafe write(descriptor, bytes, bytes.count) }
}

/// The kernel's release and architecture, by `uname(2)`.
func kernelName() -> (release: String, machine: String) {
    var name = utsname()
    unsafe uname(&name)
    func text<Field>(_ field: Field) -> String {
        unsafe withUnsafeBytes(of: field) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
    return (text(name.release), text(name.machine))
}

/// A message that must not be lost, though nobody up the stack can take it.
func writeToStandardError(_ text: String) {
    let bytes = Array(text.utf8)
    _ = unsafe write(2, bytes, bytes.count)
}
