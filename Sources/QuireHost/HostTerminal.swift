// The terminal: whether standard error is one, and writing to it.

import Glibc

/// What the tool needs to know of its terminal.
public enum HostTerminal {
    /// Whether standard error is a terminal.
    public static var isErrorTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Writes to standard error at once.
    public static func writeError(_ text: String) {
        let bytes = Array(text.utf8)
        unsafe bytes.withUnsafeBytes { buffer in _ = unsafe Glibc.write(STDERR_FILENO, buffer.baseAddress, buffer.count)
        }
    }
}
