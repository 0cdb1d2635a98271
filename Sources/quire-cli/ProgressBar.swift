// A progress bar on a terminal: drawn on standard error, only where that is a terminal, and wiped when done.

import QuireHost

/// Draws how far a long piece of work is.
struct ProgressBar {
    private let title: String
    private let isShown: Bool
    private static let width = 32

    /// A bar with a title in front of it.
    init(_ title: String) {
        self.title = title
        isShown = HostTerminal.isErrorTerminal
    }

    /// Redraws the bar.
    func show(_ done: Int, of total: Int) {
        guard isShown, total > 0 else { return }
        let filled = Self.width * min(done, total) / total
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
        HostTerminal.writeError("\r\(title) \(bar) \(100 * min(done, total) / total) %")
    }

    /// Wipes the bar.
    func finish() {
        if isShown { HostTerminal.writeError("\r" + String(repeating: " ", count: title.count + 48) + "\r") }
    }
}
