// `quire bench seam`: what the explorer's seam costs where nothing is explored: the loop of `quire bench touch` in this build
// and in one without the seam, paired both ways round (this, that, that, this), by processor time, and the instructions of each where valgrind
// can count them.

import ArgumentParser
import Foundation
import QuireLive
import QuireWorkload
import SystemPackage

extension BenchCommand {
    private static let howToBuild =
        "swift build -c release --product quire --scratch-path .build-no-seam -Xswiftc -DQUIRE_NO_SEAM"

    private struct SeamRow {
        let mode: ModelLoopCommand.Mode
        var with: [Double] = []
        var without: [Double] = []
        /// This build's time over the other one's, four runs at a time.
        var ratios: [Double] = []
        var instructions: (with: Double, without: Double)?
    }

    func measureSeam() throws {
        guard let other = without else {
            throw ValidationError("--without takes the path of a build without the seam, made by: \(Self.howToBuild)")
        }
        // Its own name: /proc/self/exe is another program in other hands.
        let this = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        guard try ModelLoopCommand.spawn(this, .sequential, rounds: 1).hasSeam else {
            throw ValidationError("this build has no seam itself")
        }
        if try ModelLoopCommand.spawn(other, .sequential, rounds: 1).hasSeam {
            throw ValidationError("\(other) has the seam too; build it by: \(Self.howToBuild)")
        }
        var rows = ModelLoopCommand.Mode.allCases.map { SeamRow(mode: $0) }
        let bar = ProgressBar("seam")
        for repetition in 0..<repetitions {
            bar.show(repetition, of: repetitions)
            for place in rows.indices {
                func time(_ executable: String) throws -> Double {
                    try ModelLoopCommand.spawn(executable, rows[place].mode, rounds: rounds).nanosecondsPerPage
                }
                let (a, b, c, d) = (try time(this), try time(other), try time(other), try time(this))
                rows[place].with += [a, d]
                rows[place].without += [b, c]
                rows[place].ratios.append((a + d) / (b + c))
            }
        }
        var obstacle: String?
        do throws(InstructionCount.Absence) {
            for place in rows.indices {
                let mode = rows[place].mode
                rows[place].instructions = (
                    try InstructionCount.perPage(this, mode), try InstructionCount.perPage(other, mode)
                )
            }
        } catch { obstacle = error.reason }
        bar.finish()
        json ? printJSON(rows, obstacle) : printTable(rows, obstacle)
    }

    private func printTable(_ rows: [SeamRow], _ obstacle: String?) {
        var table = TextTable([
            ("touch + MADV_DONTNEED", .left), ("ns/page", .right), ("without", .right), ("of medians", .right),
            ("of pairs", .right), ("instructions/page", .right), ("without", .right), ("ratio", .right),
        ])
        for row in rows {
            let (with, without) = (Samples(row.with).median, Samples(row.without).median)
            table.add(
                [
                    row.mode.rawValue, Self.hundredths(with), Self.hundredths(without),
                    Self.hundredths(with / without), Self.hundredths(Samples(row.ratios).median),
                ]
                    + (row.instructions.map {
                        [
                            LoopColumn.decimal($0.with), LoopColumn.decimal($0.without),
                            Self.hundredths($0.with / $0.without),
                        ]
                    } ?? [String](repeating: TextTable.absent, count: 3)))
        }
        print(table.render(), terminator: "")
        if let obstacle { print("instructions: skipped, \(obstacle)") }
    }

    private func printJSON(_ rows: [SeamRow], _ obstacle: String?) {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginObject(lines: true)
        if let obstacle {
            writer.key("instructions_skipped")
            writer.value(obstacle)
        }
        for row in rows {
            writer.key(row.mode.rawValue)
            writer.beginObject()
            let (with, without) = (Samples(row.with).median, Samples(row.without).median)
            for (key, value) in [
                ("ns_per_page", with), ("ns_per_page_without", without), ("ratio_of_medians", with / without),
                ("median_ratio_of_pairs", Samples(row.ratios).median),
                ("instructions_per_page", row.instructions?.with),
                ("instructions_per_page_without", row.instructions?.without),
            ] as [(String, Double?)] {
                writer.key(key)
                writer.value(decimal: value)
            }
            writer.endObject()
        }
        writer.endObject()
        try? writer.flush()
        print("")
    }
}

/// Instructions of the model's loop, as valgrind counts them.
private enum InstructionCount {
    struct Absence: Error { var reason: String }

    /// Instructions for each page: of a longer run minus those of a shorter one.
    static func perPage(_ executable: String, _ mode: ModelLoopCommand.Mode) throws(Absence) -> Double {
        let folder = FileManager.default.temporaryDirectory.appending(path: "quire-seam-\(UUID().uuidString)")
        do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false) } catch {
            throw Absence(reason: "no place for a program in \(folder.path)")
        }
        defer { try? FileManager.default.removeItem(at: folder) }
        // Valgrind cannot read what Swift's compiler writes for debuggers.
        let program = folder.appending(path: "quire").path
        _ = try run(["strip", "-g", "-o", program, executable])
        let (short, long) = (10, 40)
        let counts = (try count(program, mode, short), try count(program, mode, long))
        return Double(counts.1 - counts.0) / Double((long - short) * 512)
    }

    private static func count(_ program: String, _ mode: ModelLoopCommand.Mode, _ rounds: Int) throws(Absence) -> Int {
        let lines = try run(
            [
                "valgrind", "--log-fd=1", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
                program,
            ] + ModelLoopCommand.arguments(mode, rounds: rounds))
        for line in lines where line.contains("refs:") {
            if let digits = line.split(separator: ":").last, let number = Int(digits.filter(\.isNumber)) {
                return number
            }
        }
        throw Absence(reason: "valgrind tells no count")
    }

    private static func run(_ arguments: [String]) throws(Absence) -> [String] {
        do throws(Errno) {
            var child = try ChildProcess(executable: "/usr/bin/env", arguments: arguments)
            var lines: [String] = []
            while let line = try child.nextLine() { lines.append(line) }
            let status = try child.wait()
            if status == 0 { return lines }
            throw Errno.noSuchFileOrDirectory
        } catch { throw Absence(reason: "\(arguments[0]) cannot be run here") }
    }
}
