// The tool that was built beside the tests, run as a user runs it.

import Foundation

/// Runs `quire` with arguments; what it printed, and how it ended.
func runQuire(_ arguments: [String]) throws -> (status: Int32, output: Data, error: String) {
    let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    let process = Process()
    process.executableURL = tests.deletingLastPathComponent().appending(path: "quire")
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.filter { $0.key != "QUIRE_RELACY" }
    let (output, error) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = error
    try process.run()
    let data = try output.fileHandleForReading.readToEnd() ?? Data()
    let text = try error.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return (process.terminationStatus, data, String(decoding: text, as: UTF8.self))
}
