// `quire race` as a user runs it: what it says of files, and its exit statuses.

import Foundation
import Testing

@Suite struct RaceTests {
    /// Runs `quire race` on a file of its own.
    private func race(_ text: String, _ options: String...) throws -> (status: Int32, output: Data, error: String) {
        let path = FileManager.default.temporaryDirectory.appending(path: "race-\(UUID().uuidString).q")
        defer { try? FileManager.default.removeItem(at: path) }
        try Data(text.utf8).write(to: path)
        var result = try runQuire(["race", path.path()] + options)
        result.error = result.error.replacing(path.path(), with: "a.q")
        return result
    }

    private static let page = """
        x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
        store(x, 1, 1)

        """

    @Test(arguments: [[], ["--json"], ["--ablate-each"], ["--strategy", "random"]])
    func lineThatCannotBePlayedIsBadInputAndNothingElseIsClaimed(_ options: [String]) throws {
        let text = Self.page + "parallel\nr1 = load(x)\nend\nexpect r1 == 1\n"
        let result = try options.count == 2 ? race(text, options[0], options[1]) : race(text, options.first ?? "--draw")
        #expect(result.status == 2 && result.output.isEmpty)
        #expect(result.error.contains("quire race: a.q:4:6: expected a number as argument 2 of load\n"))
    }

    @Test(arguments: [("expect r1 == 1", 0), ("never r1 == 1", 1)])
    func conditionDecidesTheStatus(_ condition: String, _ status: Int32) throws {
        #expect(try race(Self.page + "parallel\nr1 = load(x, 1)\nend\n\(condition)\n").status == status)
    }

    @Test func severalFilesAreForLiveRunsAlone() throws {
        let result = try runQuire(["race", "a.q", "b.q"])
        #expect(result.status == 2 && result.output.isEmpty && result.error.contains("--live N"))
        #expect(try runQuire(["race", "--live", "1", "a.q", "b.q"]).status == 2)
    }

    /// One line for each file of the folder, in order; what the kernel shows is listed. Where no kernel can be asked, the file says so.
    @Test func filesOfAFolderAreComparedWithTheKernel() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "race-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data((Self.page + "parallel\nr1 = load(x, 1)\nend\n").utf8).write(to: folder.appending(path: "b.q"))
        try Data((Self.page + "parallel\nstore(x, 1, 2)\nend\nr1 = load(x, 1)\n").utf8)
            .write(to: folder.appending(path: "a.q"))
        let result = try runQuire(["race", "--live", "40", "--json", folder.path()])
        let rows = try #require(try JSONSerialization.jsonObject(with: result.output) as? [[String: Any]])
        #expect(rows.map { $0["explored"] as? [String] } == [["r1=0x2"], ["r1=0x1"]])
        #expect(
            rows.allSatisfy { $0["exhausted"] as? Bool == true && ($0["not_listed"] as? [String])?.isEmpty == true })
        let isSkipped = rows.contains { $0["skipped"] is String }
        #expect(result.status == (isSkipped ? 77 : 0))
        if isSkipped { return print("skipped: \(rows[0]["skipped"] ?? "")") }
        #expect(rows.map { $0["live"] as? [String: Int] } == [["r1=0x2": 40], ["r1=0x1": 40]])
    }

    @Test func reducedSearchOfTooManyActorsIsRefused() throws {
        let threads = (1...4).map { "t\($0) = thread()\n" }.joined()
        let lines = (1...4).map { "[t\($0)] store(x, 1, \($0))\n" }.joined()
        let text = Self.page + threads + "parallel\nr1 = load(x, 1)\n" + lines + "end\n"
        let result = try race(text, "--store-buffers")
        #expect(result.status == 2 && result.error.contains("dpor takes at most 8 CPUs and store buffers, here are 10"))
    }

    @Test func conditionOnAnUnknownNameIsBadInput() throws {
        let result = try race(Self.page + "parallel\nr1 = load(x, 1)\nend\nnever r2 == 1\n")
        #expect(result.status == 2 && result.output.isEmpty)
        #expect(result.error == "quire race: a.q:6:7: expected a known name, found 'r2'\n")
    }
}
