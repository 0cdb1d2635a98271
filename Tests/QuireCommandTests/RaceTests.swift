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

    @Test func conditionOnAnUnknownNameIsBadInput() throws {
        let result = try race(Self.page + "parallel\nr1 = load(x, 1)\nend\nnever r2 == 1\n")
        #expect(result.status == 2 && result.output.isEmpty)
        #expect(result.error == "quire race: a.q:6:7: expected a known name, found 'r2'\n")
    }
}
