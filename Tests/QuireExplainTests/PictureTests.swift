// The pictures, whole: `Pictures/NAME.q` drawn must be `Pictures/NAME.txt`. Where a picture changes on purpose, it is made
// again with `quire explain` and the options below, and the difference is read by a human.

import Foundation
import QuireWorkload
import Testing
import WorkloadSuite

@testable import QuireExplain

/// A workload drawn, with everything that a caller can choose.
func explained(
    _ text: String, width: Int = 100, ascii: Bool = false, only: ClosedRange<Int>? = nil
) throws -> String {
    let explainer = try Explainer(WorkloadReader(text: text, file: "t.q"), only: only)
    let drawing = StepDrawing(width: width, ascii: ascii)
    var all = ""
    while let next = try explainer.next() { all += drawing.text(of: next) }
    return all
}

/// The steps of a workload.
func steps(_ text: String) throws -> [Step] {
    let explainer = try Explainer(WorkloadReader(text: text, file: "t.q"))
    var steps: [Step] = []
    while let next = try explainer.next() {
        if case .step(let step) = next { steps.append(step) }
    }
    return steps
}

@Suite struct PictureTests {
    struct Golden: Sendable, CustomTestStringConvertible {
        var name: String
        var width = 100
        var ascii = false
        var only: ClosedRange<Int>?
        var testDescription: String { name }
    }

    static let goldens = [
        Golden(name: "split-and-merge"), Golden(name: "new-mappings"), Golden(name: "not-merged"),
        Golden(name: "fork"), Golden(name: "outcomes"), Golden(name: "tables"),
        Golden(name: "many-areas", only: 23...25),
        Golden(name: "narrow", width: 44, ascii: true, only: 4...6),
    ]

    static var folder: URL { URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Pictures") }

    private static func read(_ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    @Test(arguments: goldens) func pictureIsAsItWasRead(_ golden: Golden) throws {
        let drawn = try explained(
            Self.read(golden.name + ".q"), width: golden.width, ascii: golden.ascii, only: golden.only)
        let wanted = try Self.read(golden.name + ".txt")
        for (line, (got, expected)) in zip(drawn.split(separator: "\n"), wanted.split(separator: "\n")).enumerated()
        where got != expected {
            Issue.record("\(golden.name).txt, line \(line + 1):\n\(expected)\n\(got)")
            return
        }
        #expect(drawn == wanted)
    }

    @Test(arguments: [40, 60, 100, 240]) func pictureFitsThePage(_ width: Int) throws {
        for golden in Self.goldens {
            let drawn = try explained(Self.read(golden.name + ".q"), width: width)
            for line in drawn.split(separator: "\n") where line.contains(where: { "│┌└".contains($0) }) {
                // One interval is drawn however narrow the page is.
                #expect(line.count <= max(width, 44), "\(golden.name): \(line)")
            }
        }
    }

    @Test func longWorkloadsOfManyProcessesAreDrawn() throws {
        for file in WorkloadFile.all where file.name.hasPrefix("random/") {
            for width in [40, 93] { #expect(try explained(file.text(), width: width).count > 10_000) }
        }
    }

    @Test func asciiHasNothingElse() throws {
        for golden in Self.goldens {
            let drawn = try explained(Self.read(golden.name + ".q"), ascii: true)
            #expect(drawn.utf8.allSatisfy { $0 < 0x80 })
        }
    }
}
