// `quire inspect`: the page tables of a live process. Everything it knows is in `QuireLive.Inspector`; this file holds the
// options, the watch loop and the exit status.

import ArgumentParser
import QuireLive

/// Inspects a live process's page tables.
struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show a live Linux process's page tables, and which of them are empty.",
        discussion: """
            Reads /proc/PID in bounded chunks; the process goes on running. Needs root, CAP_SYS_PTRACE, or a process of your \
            own. A table counts as populated if it holds a page, a swap entry or a marker (userfaultfd, guard).

            The number of empty tables is what VmPTE leaves over. It is a range: an upper-level table whose region has \
            become empty cannot be told from an empty table. Which area the empty tables lie in (~) is judged by the time \
            that walking the area takes.

            EXAMPLES
              quire inspect 4711
              quire inspect 4711 --json | jq .tables
              quire inspect 4711 --watch 5 --areas 0
            """)

    @Argument(help: "The process to look at.")
    var pid: Int

    @Flag(help: "Print JSON with every area; with --watch one object on each line.")
    var json = false

    @Option(help: "Look again every so many seconds, until the process exits or ^C.")
    var watch: Double?

    @Option(help: "How many areas to list, those that waste most first.")
    var areas = 10

    @Flag(help: "Read smaps and pagemap as before Linux 6.7, though the kernel has PAGEMAP_SCAN.")
    var pagemap = false

    func validate() throws {
        guard pid > 0 else { throw ValidationError("a process id is a positive number") }
        if let watch, !(watch >= 0.05 && watch <= 1e6) {
            throw ValidationError("--watch takes 0.05 to 1000000 seconds")
        }
        guard areas >= 0 else { throw ValidationError("--areas takes 0 or more") }
    }

    func run() throws {
        let inspector = Inspector(method: pagemap ? .pagemap : nil)
        do throws(LiveError) {
            guard let watch else {
                show(try inspector.inspect(pid))
                return
            }
            InterruptFlag.install()
            try repeatedly(inspector, every: watch)
        } catch {
            throw InspectFailure(error: error)
        }
    }

    private func repeatedly(_ inspector: Inspector, every seconds: Double) throws(LiveError) {
        show(try inspector.inspect(pid))
        while !InterruptFlag.wait(seconds: seconds) {
            let report: InspectReport
            do throws(LiveError) {
                report = try inspector.inspect(pid)
            } catch {
                switch error {
                case .noSuchProcess, .exited:
                    // The end of what was watched is no failure.
                    if !json { print("\nprocess \(pid) has exited") }
                    return
                default: throw error
                }
            }
            if !json { print("") }
            show(report)
        }
    }

    private func show(_ report: InspectReport) {
        print(json ? report.json(indented: watch == nil) : report.text(areaLimit: areas))
        flushStandardOutput()
    }
}

/// A `LiveError` as the argument parser prints it: one line, exit status 1.
struct InspectFailure: Error, CustomStringConvertible {
    var error: LiveError

    var description: String { error.description }
}
