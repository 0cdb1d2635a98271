// Whole files against what a Linux kernel answered: small ones that show one thing each, and long random ones in which
// three processes map, change, share and move memory.

import Foundation
import Testing

@testable import QuireWorkload

@Suite struct ReplayGoldenTests {
    static let names = [
        "01-map-and-touch", "02-split-and-merge", "03-errors", "04-fork", "05-page-tables", "06-memfd", "07-mremap",
        "08-lock", "12-guard", "20-brk", "21-children", "22-process-madvise", "23-seals", "24-pagemap", "25-file-calls",
        "26-cold-pages", "27-options", "28-droppable", "29-places",
        "random-7", "random-12", "random-15", "random-18",
    ]

    static func read(_ name: String) throws -> String {
        let url = try #require(Bundle.module.resourceURL).appendingPathComponent("Goldens/\(name)")
        return try String(contentsOf: url, encoding: .utf8)
    }

    @Test(arguments: names) func modelAnswersAsTheKernel(_ name: String) throws {
        let replayed = Replayed(try Self.read(name + ".q"))
        #expect(replayed.error == nil)
        #expect(replayed.verdict == .same)
        let golden = try Self.read(name + ".txt").split(separator: "\n").map(String.init)
        var labels: [String] = []
        for line in golden where !line.hasPrefix("call ") && !line.hasPrefix("final ") {
            let label = String(line.prefix { $0 != " " })
            if labels.last != label { labels.append(label) }
        }
        let lines = ReportText.lines(replayed.report, labels: labels)
        #expect(lines.count == golden.count)
        for (line, wanted) in zip(lines, golden) where line != wanted {
            Issue.record("the kernel: \(wanted)\n  the model: \(line)")
            return
        }
    }

    @Test(arguments: names) func everyFrameComesBack(_ name: String) throws {
        let stage = try Stage(try Self.read(name + ".q"))
        #expect(stage.play(checking: name.hasPrefix("random")) == [])
        #expect(stage.framesLeft() == 0)
        #expect(stage.machine.committedPages == 0)
    }

    @Test func sameFileGivesTheSameBytes() throws {
        let text = try Self.read("random-7.q")
        #expect(Replayed(text).text == Replayed(text).text)
    }
}
