// `--redact`: file names and strings become numbered names, the same one for the same string everywhere, in the
// recording and in its truth, so that the recording still replays: a name keeps its file (its size stands under the new
// name in the truth's `files`), and what the memory manager treats differently keeps its kind.
//
//     /home/anna/secret.db   ->  /redacted/3        "--token=x"   ->  "redacted-7"
//     /dev/shm/secret        ->  /dev/shm/redacted-4   (shmem)      /dev/zero, /dev/null   unchanged

/// Replaces names; a disabled one returns them as they are.
struct Redactor {
    private let enabled: Bool
    private var names: [String: String] = [:]

    init(enabled: Bool) { self.enabled = enabled }

    /// The replacement of a path or another string.
    mutating func name(_ original: String) -> String {
        guard enabled, !original.isEmpty else { return original }
        if original == "/dev/zero" || original == "/dev/null" { return original }
        if original.hasSuffix(" (deleted)") { return name(String(original.dropLast(10))) + " (deleted)" }
        if let known = names[original] { return known }
        let number = names.count + 1
        let replacement =
            if original.hasPrefix("/dev/shm/") {
                "/dev/shm/redacted-\(number)"
            } else if original.hasPrefix("/dev/hugepages/") {
                "/dev/hugepages/redacted-\(number)"
            } else if original.hasPrefix("/memfd:") {
                // The file's name in smaps; its name in memfd_create stands without the prefix.
                "/memfd:" + name(String(original.dropFirst(7)))
            } else if original.hasPrefix("/") {
                "/redacted/\(number)"
            } else {
                "redacted-\(number)"
            }
        names[original] = replacement
        return replacement
    }

    /// The name of an area in smaps: paths and `[anon:NAME]` are replaced, `[stack]` and its like are the kernel's.
    mutating func area(_ path: String) -> String {
        if path.hasPrefix("/") { return name(path) }
        for prefix in ["[anon:", "[anon_shmem:"] where path.hasPrefix(prefix) && path.hasSuffix("]") {
            return prefix + name(String(path.dropFirst(prefix.count).dropLast())) + "]"
        }
        return path
    }

    /// A line of strace's log with each string literal replaced.
    mutating func line(_ line: String) -> String {
        guard enabled else { return line }
        let text = line[...]
        var result = ""
        var position = text.startIndex
        for range in RecordingLine.literals(in: text) {
            result += text[position..<range.lowerBound]
            result += RecordingLine.quoted(name(RecordingLine.unquoted(text[range]))).dropFirst().dropLast()
            position = range.upperBound
        }
        return result + text[position...]
    }
}
