// How an engine steps through a file: one reading for several machines, and the lines of a parallel block, which are
// checked when they are read and parsed again when they run.

import Testing

@testable import QuireWorkload

@Suite struct StepTests {
    @Test func machinesInStepHaveTheirOwnBindings() throws {
        var reader = WorkloadReader(text: "a = mmap(0, 1)\nmunmap(a, 1)\n", file: "t.q")
        var machines = [Names(), Names()]
        var statements = [Statement(), Statement()]
        var results: [UInt64?] = []
        while try reader.next(into: &statements[0], names: &machines[0]) {
            try reader.again(into: &statements[1], names: &machines[1])
            for machine in 0..<2 {
                if let id = statements[machine].binding {
                    machines[machine].bind(id, to: .value(UInt64(machine + 1) << 20))
                } else {
                    results.append(statements[machine].integer(0))
                }
            }
        }
        #expect(results == [0x10_0000, 0x20_0000])
    }

    @Test func parallelBlockIsCheckedThenRun() throws {
        let text = "parallel\nr = load(4096, 1)\nmunmap(r, 1)\nmunmap(q, 1)\nend\n"
        var reader = WorkloadReader(text: text, file: "t.q")
        var names = Names()
        var statement = Statement()
        _ = try reader.next(into: &statement, names: &names)
        #expect(statement.call == .parallel)
        reader.checksOnly = true
        var kept: [(line: Int, bytes: ContiguousArray<UInt8>)] = []
        var errors: [String] = []
        while true {
            do {
                guard try reader.next(into: &statement, names: &names), statement.call != .end else { break }
                kept.append((reader.line, reader.currentLine))
            } catch {
                errors.append(error.description)
            }
        }
        #expect(errors == ["t.q:4:8: expected a known name, found 'q'"])
        reader.checksOnly = false

        try statement.parse(kept[0].bytes, line: kept[0].line, file: "t.q", names: &names)
        names.bind(try #require(statement.binding), to: .value(0x77))
        try statement.parse(kept[1].bytes, line: kept[1].line, file: "t.q", names: &names)
        #expect(statement.integer(0) == 0x77)
        #expect(statement.line == 3)
        #expect(statement.usesBoundNames)
    }

    @Test func copyOfAStatementSurvivesTheNextLine() throws {
        var reader = WorkloadReader(text: "snapshot(\"one\")\nsnapshot(\"two\")\n")
        var names = Names()
        var statement = Statement()
        _ = try reader.next(into: &statement, names: &names)
        let copy = statement
        _ = try reader.next(into: &statement, names: &names)
        #expect(copy.string(0) == "one")
        #expect(statement.string(0) == "two")
    }
}
