// The litmus test of `quire bench explore` for Relacy (github.com/dvyukov/relacy), the explorer for C++ that speed is measured
// against: a source of our own, compiled in a temporary folder against the checkout that QUIRE_RELACY names, and run there.

import Foundation
import QuireLive
import SystemPackage

/// The litmus test, compiled for Relacy; its folder goes with it.
final class RelacyLitmus {
    /// The variable of the environment that names a checkout of Relacy.
    static let variable = "QUIRE_RELACY"

    /// Why there is nothing to compare with.
    struct Absence: Error { var reason: String }

    /// What a run told.
    struct Run {
        var executions: Int
        var seconds: Double
        var outcomes: Set<String>

        var executionsPerSecond: Double { Double(executions) / max(seconds, 1e-9) }
    }

    private let folder: URL
    private var program: String { folder.appending(path: "litmus").path }

    /// Compiles it with the system's C++ compiler.
    init() throws(Absence) {
        guard let checkout = ProcessInfo.processInfo.environment[Self.variable], !checkout.isEmpty else {
            throw Absence(reason: "\(Self.variable) is not set to a checkout of Relacy")
        }
        guard FileManager.default.fileExists(atPath: checkout + "/relacy/relacy.hpp") else {
            throw Absence(reason: "there is no relacy/relacy.hpp in \(checkout)")
        }
        folder = FileManager.default.temporaryDirectory.appending(path: "quire-relacy-\(UUID().uuidString)")
        let source = folder.appending(path: "litmus.cpp")
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            try Data(Self.source.utf8).write(to: source)
        } catch { throw Absence(reason: "no place for a program in \(folder.path): \(error)") }
        let status: Int
        do throws(Errno) {
            var compiler = try ChildProcess(
                executable: "/usr/bin/env",
                arguments: ["c++", "-std=c++17", "-O2", "-w", "-I", checkout, "-o", program, source.path])
            while try compiler.nextLine() != nil {}
            status = try compiler.wait()
        } catch { throw Absence(reason: "the C++ compiler cannot be started: \(error)") }
        if status == 127 { throw Absence(reason: "there is no C++ compiler (c++)") }
        if status != 0 { throw Absence(reason: "the litmus test does not compile against \(checkout)") }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// Runs so many executions with random choices.
    func random(_ executions: Int, checksData: Bool) throws(Absence) -> Run {
        try run(["random", String(executions), checksData ? "checked" : "plain"])
    }

    /// Runs every execution that its full search takes.
    func fullSearch(checksData: Bool) throws(Absence) -> Run {
        try run(["full", "1000000000", checksData ? "checked" : "plain"])
    }

    private func run(_ arguments: [String]) throws(Absence) -> Run {
        var line = ""
        let status: Int
        do throws(Errno) {
            var child = try ChildProcess(executable: program, arguments: arguments)
            while let next = try child.nextLine() { line = next }
            status = try child.wait()
        } catch { throw Absence(reason: "Relacy's litmus test cannot be run: \(error)") }
        let fields = line.split(separator: ",").map(String.init)
        guard status == 0, fields.count > 2, let executions = Int(fields[0]), let seconds = Double(fields[1]) else {
            throw Absence(reason: "Relacy's litmus test ended with status \(status) and without figures")
        }
        return Run(executions: executions, seconds: seconds, outcomes: Set(fields.dropFirst(2)))
    }

    /// Prints executions, seconds, and each outcome (what each thread read, and x), with commas. Nothing is allocated while
    /// Relacy's threads run: it has allocation functions of its own.
    private static let source = """
        #include "relacy/relacy.hpp"
        #include <cstdio>
        #include <cstdlib>
        #include <cstring>
        #include <ctime>
        #include <sstream>

        static unsigned char seen_outcomes[8][8][8];

        struct checked {
            rl::var<int> value;
            int get() { return value($); }
            void set(int to) { value($) = to; }
        };

        struct plain {
            int value;
            int get() { return value; }
            void set(int to) { value = to; }
        };

        template <typename data> struct litmus : rl::test_suite<litmus<data>, 2> {
            rl::mutex lock;
            rl::atomic<int> counter;
            data x;
            int seen[2];

            void before() { x.set(0); counter($).store(0, rl::mo_seq_cst); }
            void update() { lock.lock($); x.set(x.get() + 1); lock.unlock($); }
            void thread(unsigned number) {
                update();
                counter($).fetch_add(1, rl::mo_seq_cst);
                update();
                seen[number] = counter($).load(rl::mo_seq_cst);
            }
            void after() { seen_outcomes[seen[0] & 7][seen[1] & 7][x.get() & 7] = 1; }
        };

        int main(int, char **arguments) {
            rl::test_params parameters;
            std::ostringstream ignored;
            parameters.output_stream = parameters.progress_stream = &ignored;
            parameters.iteration_count = strtoull(arguments[2], nullptr, 10);
            bool full = strcmp(arguments[1], "full") == 0;
            parameters.search_type = full ? rl::fair_full_search_scheduler_type : rl::random_scheduler_type;
            // Processor time: another program on the machine does not count.
            auto begin = std::clock();
            bool holds = strcmp(arguments[3], "plain") == 0 ? rl::simulate<litmus<plain>>(parameters)
                                                            : rl::simulate<litmus<checked>>(parameters);
            double seconds = double(std::clock() - begin) / CLOCKS_PER_SEC;
            if (!holds) return 1;
            printf("%llu,%.9f", (unsigned long long)parameters.stop_iteration, seconds);
            for (int a = 0; a < 8; a++)
                for (int b = 0; b < 8; b++)
                    for (int c = 0; c < 8; c++)
                        if (seen_outcomes[a][b][c]) printf(",%d %d x=%d", a, b, c);
            printf("\\n");
        }
        """
}
