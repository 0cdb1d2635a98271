// `quire record`: a real program into a workload file. The work is QuireRecord's; this is its face on the command line.

import ArgumentParser
import Foundation
import QuireRecord

/// Records a program's system calls, page faults and /proc truth.
struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "record",
        abstract: "Record a real program into a workload file that can be replayed.",
        discussion: """
            Runs COMMAND under strace and perf (both must be installed; perf needs root for the tracepoints) and writes \
            its system calls, its page faults and the image of each execve, merged by time, into FILE. Beside it, in \
            FILE's name with .truth.json, stands what /proc said at each snapshot.

            A snapshot is taken when the recorder gets SIGUSR1, and when the program stops itself (raise(SIGSTOP)): \
            the recorder continues it. QUIRE_RECORD_LABELS names a file for the program; the last line that was \
            written to it becomes the next snapshot's label.

            tracefs is mounted for the time of the recording if it is not. Traces carry file names and argument \
            strings: --redact replaces them.

            EXAMPLES:
              quire record -o ls.q -- ls -l /usr
              quire record -o app.q.xz --redact -- ./app --serve &   kill -USR1 $!

            EXIT STATUS: 0 recorded (the program's own status is printed if it is not 0); 2 bad arguments; 77 this \
            machine cannot record, with the reason.
            """)

    @Option(name: .shortAndLong, help: "The recording: .q, or compressed by its ending .q.xz, .q.zst, .q.gz.")
    var output: String

    @Flag(help: "Replace file names and strings, the same by the same.")
    var redact = false

    @Option(name: .shortAndLong, help: "Not possible, and why: a running program's image and past faults are unknown.")
    var pid: Int?

    @Flag(name: .shortAndLong, help: "Print nothing but errors.")
    var quiet = false

    @Argument(parsing: .captureForPassthrough, help: "The program and its arguments, after --.")
    var command: [String] = []

    func run() async throws {
        let command = command.first == "--" ? Array(command.dropFirst()) : command
        if pid != nil {
            throw fail(
                """
                -p: a running program cannot be recorded: how its address space came about and which pages it has \
                touched is not known any more, and a replay needs both. Start it with quire record -o FILE -- COMMAND, \
                or look at it as it is with quire inspect PID.
                """, status: 2)
        }
        guard !command.isEmpty else {
            throw fail("no command: quire record -o \(output) -- COMMAND [ARGUMENT ...]", status: 2)
        }
        let quiet = quiet
        let recorder = Recorder(RecordOptions(command: command, output: output, redact: redact)) { message in
            if !quiet { Self.print(message) }
        }
        do {
            let summary = try await recorder.record()
            guard !quiet else { return }
            Self.print(
                "\(summary.output): \(summary.lines) lines, \(summary.faults) faults,"
                    + " \(summary.snapshots.count) snapshots; truth in \(summary.truth)")
            if let failure = summary.failure { Self.print(failure) }
        } catch let error as RecordError {
            throw fail(error.description, status: error.exitStatus)
        }
    }

    private func fail(_ message: String, status: Int32) -> ExitCode {
        Self.print(message)
        return ExitCode(status)
    }

    private static func print(_ message: String) {
        FileHandle.standardError.write(Data("quire record: \(message)\n".utf8))
    }
}
