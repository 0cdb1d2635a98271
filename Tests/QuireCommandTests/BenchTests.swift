// `quire bench` at a tiny size: it runs, and its JSON has the keys that its readers look for. Nothing here looks at a time.

import Foundation
import Testing

@Suite struct BenchTests {
    private func json(_ arguments: String...) throws -> Any {
        let result = try runQuire(["bench"] + arguments + ["--json"])
        #expect(result.status == 0, "\(result.error)")
        return try JSONSerialization.jsonObject(with: result.output)
    }

    @Test func exploreTellsRatesAndWhyRelacyIsMissing() throws {
        let all = try #require(
            try json("explore", "--repetitions", "1", "--rounds", "1", "--only", "litmus") as? [String: Any])
        #expect((all["relacy_skipped"] as? String)?.contains("QUIRE_RELACY") == true)
        let rows = try #require(all["litmus"] as? [[String: Any]])
        #expect(rows.map { $0["x"] as? String } == ["checked", "plain"])
        for row in rows {
            #expect(row["random_per_second"] as? Double ?? 0 > 0)
            #expect(row["dpor_exhausted"] as? Bool == true)
            #expect(row["outcomes"] as? [String] == ["1 2 x=4", "2 1 x=4", "2 2 x=4"])
            for key in [
                "relacy_random_per_second", "ratio_to_relacy", "relacy_full_executions", "executions_ratio",
                "same_outcomes",
            ] { #expect(row[key] is NSNull, "\(key)") }
        }
    }

    @Test func exploreRunsTheMemoryManager() throws {
        let all = try #require(
            try json("explore", "--repetitions", "1", "--rounds", "1", "--only", "mm dpor, 1 there") as? [String: Any])
        let row = try #require((all["fault_against_dontneed"] as? [[String: Any]])?.first)
        #expect(row["strategy"] as? String == "dpor" && row["pages"] as? Int == 1)
        #expect(row["exhausted"] as? Bool == true && row["outcomes"] as? Int == 2)
        #expect(row["executions"] as? Int ?? 0 > 1 && row["per_second"] as? Double ?? 0 > 0)
    }

    @Test func scaleTellsTheLinesThatCPUsShare() throws {
        let rows = try #require(try json("scale", "--lines") as? [[String: Any]])
        #expect(
            Set(rows.compactMap { $0["operation"] as? String }).isSuperset(of: [
                "mmap", "munmap, 4 pages there", "fork",
            ]))
        for row in rows {
            #expect(row["writes"] as? Double ?? 0 > 0)
            #expect(row["reads"] is Double && (row["by"] as? [String])?.isEmpty == false)
        }
        let mapping = rows.filter { $0["operation"] as? String == "mmap" }.compactMap { $0["line"] as? String }
        #expect(mapping.contains { $0.contains("mmap_lock") })
    }

    @Test func seamAsksForABuildWithoutIt() throws {
        let missing = try runQuire(["bench", "seam"])
        #expect(missing.status != 0 && missing.error.contains("QUIRE_NO_SEAM"))
        let same = try runQuire(["bench", "seam", "--without", "/proc/self/exe"])
        #expect(same.status != 0 && same.error.contains("has the seam too"))
    }

    @Test(arguments: ["sequential", "parallel"]) func theModelsLoopRunsByItself(_ mode: String) throws {
        let result = try runQuire(["model-loop", "--mode", mode, "--rounds", "1"])
        let fields = String(decoding: result.output, as: UTF8.self).split { $0 == " " || $0 == "\n" }.map(String.init)
        #expect(result.status == 0 && fields.count == 3)
        #expect(fields.dropFirst() == ["512", "1"])
    }
}
