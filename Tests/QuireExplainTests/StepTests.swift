// Steps as values: marks, sentences, what is left out, and the JSON.

import Foundation
import Quire
import QuireWorkload
import Testing

@testable import QuireExplain

private let anonymous = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0"

@Suite struct StepTests {
    /// Marks of the areas of the first process after the last line.
    private func marks(_ lines: String...) throws -> [String] {
        let text = "a = mmap(0x100000000000, 64K, \(anonymous))\n" + lines.joined(separator: "\n") + "\n"
        return try steps(text).last?.processes.first?.areas.marksAfter.map(\.rawValue) ?? []
    }

    @Test func marksFollowTheOverlap() throws {
        #expect(try marks("mprotect(a+16K, 16K, PROT_READ)") == ["split", "split", "split"])
        #expect(try marks("munmap(a+16K, 16K)") == ["split", "split"])
        #expect(try marks("munmap(a, 16K)") == ["shrunk"])
        #expect(try marks("mprotect(a, 64K, PROT_READ)") == ["changed"])
        #expect(try marks("mmap(a+64K, 16K, \(anonymous))") == ["grown"])
        #expect(try marks("mmap(a+80K, 16K, \(anonymous))") == ["", "new"])
        #expect(try marks("touch_write(a, 4K)", "touch_write(a, 8K)") == ["pages"])
        #expect(
            try marks("mprotect(a+16K, 16K, PROT_READ)", "mprotect(a+16K, 16K, PROT_READ|PROT_WRITE)") == ["merged"])
        #expect(try marks("mprotect(a+16K, 48K, PROT_READ)", "mprotect(a, 32K, PROT_READ)") == ["merged"])
        #expect(try marks("mprotect(a+16K, 48K, PROT_READ)", "mprotect(a+8K, 8K, PROT_READ)") == ["shrunk", "grown"])
    }

    @Test func mappingOverAreasCutsThemFirst() throws {
        let over = "mmap(a+16K, 16K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)"
        #expect(try marks(over) == ["split", "new", "split"])
        let whole = "mmap(a, 64K, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)"
        #expect(try marks(over, whole) == ["new"])
    }

    @Test func nameKeepsNeighboursApart() throws {
        let text = """
            # machine: machine.anon_vma_name=on
            a = mmap(0x100000000000, 64K, \(anonymous))
            prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, a, 16K, "first")
            """
        #expect(
            try steps(text).last?.words == [
                "1 area became 2: the lower part has another name.", "Not merged at 100000004000: different name.",
            ])
    }

    @Test func coreSaysWhatKeepsNeighboursApart() throws {
        let text = """
            a = mmap(0x100000000000, 64K, \(anonymous))
            mmap(a+64K, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
            """
        let session = try ReplaySession(WorkloadReader(text: text))
        while try session.step() != nil {}
        let process = try #require(session.machine.process(1))
        #expect(process.mergeObstacle(at: 0x1000_0001_0000) == .flags([.write, .account]))
        #expect(process.mergeObstacle(at: 0x1000_0000_0000) == .apart)
        #expect(process.mergeObstacle(at: 0x1000_0000_1000) == .apart)
    }

    @Test func linesOutsideOfTheChoiceArePlayed() throws {
        let text = """
            # head
            a = mmap(0x100000000000, 64K, \(anonymous))
            # between
            touch_write(a, 64K)
            munmap(a, 64K)
            """
        let drawn = try explained(text, only: 4...4)
        #expect(drawn.hasPrefix("line 4: touch_write"))
        #expect(!drawn.contains("line 5"))
        #expect(drawn.contains("16 pages came in"))
        #expect(try explained(text).hasPrefix("# head\nline 2: a = mmap"))
    }

    @Test func brokenLineNamesItsPlace() throws {
        let text = "a = mmap(0x100000000000, 64K, \(anonymous))\nmunmap(a, )\n"
        let explainer = try Explainer(WorkloadReader(text: text, file: "t.q"))
        #expect(try explainer.next() != nil)
        do {
            _ = try explainer.next()
            Issue.record("nothing was thrown")
        } catch {
            #expect(error.description.hasPrefix("t.q:2:11: expected "))
        }
    }

    @Test func openBlockIsAnError() throws {
        let explainer = try Explainer(WorkloadReader(text: "parallel\nmunmap(0x1000, 4K)\n"))
        #expect(throws: ReplayError.self) { while try explainer.next() != nil {} }
    }

    @Test func whatTheModelCannotDoIsSkipped() {
        do {
            _ = try Explainer(WorkloadReader(text: "# requires: hugetlb=1\nmunmap(0, 4K)\n"))
            Issue.record("nothing was thrown")
        } catch {
            if case .skipped = error { return }
            Issue.record("\(error)")
        }
    }

    @Test func lettersAreTheSameInAllProcesses() {
        var letters = AnonLetters()
        #expect(letters.letter(of: nil) == nil)
        #expect((1...27).map { letters.letter(of: $0) }.suffix(2) == ["Z", "AA"])
        #expect(letters.letter(of: 3) == "C")
    }

    @Test func jsonHasEveryStep() throws {
        let text = "a = mmap(0x100000000000, 64K, \(anonymous))\nmprotect(a, 16K, PROT_READ)\nsnapshot(\"x\")\n"
        let sink = MemorySink()
        var json = ExplainJSON(to: sink)
        for step in try steps(text) { json.add(step) }
        try json.finish()
        let list = try #require(try JSONSerialization.jsonObject(with: Data(sink.bytes)) as? [[String: Any]])
        #expect(list.compactMap { $0["line"] as? Int } == [1, 2, 3])
        #expect((list[1]["words"] as? [String])?.count == 1)
        let processes = try #require(list[1]["processes"] as? [[String: Any]])
        let after = try #require(processes[0]["after"] as? [String: Any])
        let areas = try #require(after["areas"] as? [[String: Any]])
        #expect(areas.compactMap { $0["mark"] as? String } == ["split", "split"])
        #expect(areas.compactMap { $0["perms"] as? String } == ["r--p", "rw-p"])
        #expect((after["tables"] as? [String: Any])?["pgd"] as? Int == 1)
        #expect(list[2]["outcome"] is NSNull)
    }
}
