// `quire explain`: a workload line by line, with the address space drawn before and after. The work is QuireExplain's;
// this is its face on the command line.

import ArgumentParser
import QuireExplain
import QuireHost
import QuireWorkload

/// Draws what each line of a workload does to the address space.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Draw the address space before and after each line of a workload.",
        discussion: """
            FILE is a workload as replay reads it: plain or compressed, - for standard input. For each line: how it \
            ended, what became of the areas in words, and a picture: areas as boxes with their rights, anon_vma (a \
            letter), resident pages and flags, gaps as ~ 2 MiB ~, what is new, split, merged, grown or gone; the page \
            tables as counts. Two areas that touch and do not merge come with the reason.

            EXAMPLES:
              quire explain test.q
              quire explain test.q --only 4..9 --ascii --width 72
              quire explain app.q.xz --only 100000 --json | jq '.[].words'
              printf 'a = mmap(NULL, 64K, 3, 0x22, -1, 0)\\nmprotect(a+4K, 4K, PROT_READ)\\n' | quire explain -

            EXIT STATUS: 0; 2 for bad input; 77 where the file requires what the model cannot do.
            """)

    @Argument(help: "The workload, - for standard input.")
    var file: String

    @Option(help: "Explain these lines only: LINE or LINE..LINE. Those before are played.")
    var only: String?

    @Option(help: "Columns of the page; by default the terminal's, or 100.")
    var width: Int?

    @Flag(help: "Draw with plain ASCII characters.")
    var ascii = false

    @Flag(help: "Print the steps as JSON.")
    var json = false

    @Option(help: "Set a knob: KEY=VALUE. May be repeated.")
    var set: [String] = []

    func run() throws {
        let lines = try only.map { try range($0) }
        guard width.map({ $0 >= 40 && $0 <= 10_000 }) ?? true else { throw fail("--width takes 40 to 10000") }
        var options = ReplayOptions()
        options.settings = try set.map { text in
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else { throw fail("--set takes KEY=VALUE, not '\(text)'") }
            return (parts[0], parts[1])
        }
        do {
            let explainer = try Explainer(try WorkloadReader(path: file), options, only: lines)
            if json { try writeJSON(explainer) } else { try draw(explainer) }
        } catch ReplayError.skipped(let reason) {
            HostTerminal.writeError("quire explain: skipped: \(reason)\n")
            throw ExitCode(ReplayVerdict.skipped.rawValue)
        } catch let error as ReplayError {
            throw fail(error.description)
        } catch let error as ParseError {
            throw fail(error.description)
        } catch let error as InputError {
            throw fail("the output: \(error)")
        }
    }

    private func draw(_ explainer: Explainer) throws {
        let drawing = StepDrawing(width: width ?? HostTerminal.outputWidth ?? 100, ascii: ascii)
        let sink = DescriptorSink(descriptor: 1)
        while let next = try explainer.next() {
            try sink.write(ContiguousArray(drawing.text(of: next).utf8))
        }
    }

    private func writeJSON(_ explainer: Explainer) throws {
        // Whole, or not at all: half an array is of use to nobody.
        let spool = Spool()
        var writer = ExplainJSON(to: spool)
        while let next = try explainer.next() {
            if case .step(let step) = next { writer.add(step) }
        }
        try writer.finish()
        try spool.write(ContiguousArray("\n".utf8))
        try spool.move(to: DescriptorSink(descriptor: 1))
    }

    private func range(_ text: String) throws -> ClosedRange<Int> {
        let parts = text.split(separator: ".", omittingEmptySubsequences: true).map { Int($0) }
        if text.contains(".."), parts.count == 2, let first = parts[0], let last = parts[1], 1 <= first, first <= last {
            return first...last
        }
        if parts.count == 1, let line = Int(text), line >= 1 { return line...line }
        throw fail("--only takes LINE or LINE..LINE, not '\(text)'")
    }

    private func fail(_ message: String) -> ExitCode {
        HostTerminal.writeError("quire explain: \(message)\n")
        return ExitCode(ReplayVerdict.badInput.rawValue)
    }
}
