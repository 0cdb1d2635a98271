// The inspector on the live kernel, on layouts that the tests build in this very process. The suite is serial: the counters
// of a process belong to all of its tests. Where the kernel or the rights are missing, a test says so and is skipped.

import SystemPackage
import Testing

@testable import QuireLive

private let span = 2 << 20
private let page = LiveMapping.pageSize

/// Why the live tests cannot run here; nil if they can.
private let obstacle: String? = {
    do throws(LiveError) {
        _ = try Inspector().inspect(processID)
        return nil
    } catch {
        print("live tests skipped: \(error)")
        return error.description
    }
}()

private let hasPageScan: Bool = {
    do throws(LiveError) {
        return PageTableScanner(pid: processID, pagemap: try openProcessFile(processID, "pagemap")) != nil
    } catch {
        return false
    }
}()

/// The tool that was built beside the tests.
private func builtTool() -> String {
    let tests = linkTarget("/proc/self/exe") ?? ""
    return (tests.split(separator: "/").dropLast().map { "/" + $0 } + ["/quire"]).joined()
}

private var methods: [ScanMethod] { hasPageScan ? ScanMethod.allCases : [.pagemap] }

extension InspectReport {
    /// What was found under `range`: neighbours with the same flags may have been merged into one area with it, so a mapping
    /// of a test carries an advice that no other has.
    fileprivate func area(covering range: Range<UInt64>) -> AreaReport? {
        areas.first { $0.area.range.lowerBound <= range.lowerBound && range.upperBound <= $0.area.range.upperBound }
    }
}

/// All that reads this process's counters: nested, so that no two of them run at a time.
@Suite(.serialized, .enabled(if: obstacle == nil, "needs /proc of Linux, and the right to read it"))
enum LiveTests {}

extension LiveTests {
    @Suite(.serialized)
    struct InspectTests {
        /// 64 MiB of base pages, untouched.
        private func mapping() throws -> LiveMapping {
            let mapping = try LiveMapping(length: 32 * span)
            try? mapping.advise(0..<mapping.length, .noHugePage)
            return mapping
        }

        @Test(arguments: methods)
        func fillOfTablesIsExact(method: ScanMethod) throws {
            let mapping = try mapping()
            // Spans 0, 2, 4, …: so many pages.
            let counts = [1, 2, 7, 8, 63, 64, 255, 256, 511, 512]
            for (index, count) in counts.enumerated() {
                mapping.touch(2 * index * span..<2 * index * span + count * page)
            }
            let area = try #require(try Inspector(method: method).inspect(processID).area(covering: mapping.range))
            #expect(area.tally.populated == 10)
            #expect(FillBucket.allCases.map { area.tally[$0] } == [0, 1, 2, 2, 2, 2, 1])
            #expect(area.tally.presentEntries == UInt64(counts.reduce(0, +)))
            #expect(area.tally.huge == 0)
        }

        /// The total is the whole process's, and other tests make and free tables meanwhile: of several tries one must
        /// be undisturbed.
        @Test func emptyTablesAreFound() throws {
            var seen: [String] = []
            for _ in 0..<40 {
                let (before, after) = try emptiedTables()
                let found = Int(after.empty.upperBound) - Int(before.empty.upperBound)
                #expect(after.reclaimable.upperBound.rawValue == after.empty.upperBound * 4)
                if abs(found - 30) <= 3, after.empty.contains(30) || after.empty.lowerBound > 30 { return }
                seen.append("\(before) \(after)")
            }
            Issue.record("no try found 30 empty tables: \(seen.suffix(3))")
        }

        /// Tables before and after 30 of 32 populated ones were emptied without the kernel freeing them.
        private func emptiedTables() throws -> (before: TableEstimate, after: TableEstimate) {
            let mapping = try mapping()
            let inspector = Inspector()
            mapping.touch(0..<mapping.length, stride: span)
            let before = try inspector.inspect(processID)
            #expect(try #require(before.area(covering: mapping.range)).tally[.one] == 32)
            // Half a span is too little for the kernel to free its table. The first and the last keep a page, and with it
            // their PMD tables.
            for offset in stride(from: span, to: mapping.length - span, by: span / 2) {
                try mapping.advise(offset..<offset + span / 2, .dontNeed)
            }
            let after = try inspector.inspect(processID)
            #expect(try #require(after.area(covering: mapping.range)).tally.populated == 2)
            return (before.tables, after.tables)
        }

        /// In a process of its own: tables are told from nothing by the time that it takes to pass them, and this one has gigabytes of
        /// mappings to pass first. There a look is so short that among some hundred many are undisturbed, however busy the machine.
        @Test(.enabled(if: hasPageScan, "needs PAGEMAP_SCAN (Linux 6.7)"))
        func emptyTablesAreAttributedToTheirArea() throws {
            let shape = LiveHold.Shape(bytes: 32 * span, pages: 32, isEmptied: true, untouchedBytes: 64 * span)
            let child = try LiveHold.start(shape, executable: builtTool())
            var found: [Int] = []
            var elsewhere: [Int] = []
            let end = ContinuousClock.now + .seconds(20)
            while ContinuousClock.now < end, !(found.contains { $0 >= 16 } && elsewhere.contains { $0 <= 8 }) {
                let report = try Inspector().inspect(child.pid)
                found.append(Int(try #require(report.area(covering: child.touched)).emptyTables ?? 0))
                elsewhere.append(Int(try #require(report.area(covering: child.untouched)).emptyTables ?? 0))
            }
            #expect(found.allSatisfy { $0 <= 32 })
            #expect(found.contains { $0 >= 16 }, "\(found)")
            #expect(elsewhere.contains { $0 <= 8 }, "\(elsewhere)")
        }

        @Test(.enabled(if: hasPageScan, "needs PAGEMAP_SCAN (Linux 6.7)"))
        func bothWaysOfReadingAgree() throws {
            let mapping = try mapping()
            for index in 0..<32 {
                mapping.touch(index * span..<index * span + (index * index % 512) * page)
                mapping.touch(index * span + span / 2..<index * span + span, stride: (index % 7 + 2) * page)
            }
            let scanned = try #require(
                try Inspector(method: .pagemapScan).inspect(processID).area(covering: mapping.range))
            let read = try #require(try Inspector(method: .pagemap).inspect(processID).area(covering: mapping.range))
            #expect(scanned.tally == read.tally)
        }

        /// One call finds no more than its buffer holds; the kernel's word on where it stopped is not to be trusted
        /// when it found exactly as much as fits.
        @Test(.enabled(if: hasPageScan, "needs PAGEMAP_SCAN (Linux 6.7)"))
        func manyRegionsCountOnce() throws {
            let mapping = try mapping()
            mapping.touch(0..<mapping.length, stride: 2 * page)
            let area = try #require(try Inspector().inspect(processID).area(covering: mapping.range))
            #expect(area.tally.entries == 32 * 256)
            #expect(area.tally[.upTo511] == 32)
        }

        @Test func zeroPageKeepsItsTable() throws {
            guard hasPageScan else { return print("skipped: pagemap is not read where smaps shows no Rss") }
            let mapping = try mapping()
            #expect(mapping.read(0..<mapping.length, stride: span) == 0)
            let area = try #require(try Inspector().inspect(processID).area(covering: mapping.range))
            #expect(area.tally[.one] == 32)
        }

        @Test func guardMarkersKeepTheirTable() throws {
            let mapping = try mapping()
            do throws(Errno) {
                try mapping.advise(4 * span..<4 * span + 3 * page, .guardInstall)
            } catch {
                return print("skipped: no MADV_GUARD_INSTALL (Linux 6.13): \(error)")
            }
            guard hasPageScan else { return print("skipped: needs PAGEMAP_SCAN") }
            let area = try #require(try Inspector().inspect(processID).area(covering: mapping.range))
            #expect(area.tally.populated == 1)
            #expect(area.tally.withoutPages == 1)
            #expect(area.tally.entries == 3)
            #expect(area.tally.presentEntries == 0)
        }

        @Test func hugePageCountsAsOneEntryAndADeposit() throws {
            let mapping = try LiveMapping(length: 4 * span)
            guard (try? mapping.advise(0..<mapping.length, .hugePage)) != nil else {
                return print("skipped: no huge pages")
            }
            mapping.touch(0..<2 * span)
            let report = try Inspector().inspect(processID)
            let area = try #require(report.area(covering: mapping.range))
            guard area.tally.huge > 0 else { return print("skipped: the kernel had no huge page to give") }
            #expect(area.tally.huge + area.tally.populated == 2)
            #expect(report.tables.deposited >= area.tally.huge)
            let read = try #require(try Inspector(method: .pagemap).inspect(processID).area(covering: mapping.range))
            #expect(read.tally == area.tally)
        }

        @Test func residencyIsMincores() throws {
            let mapping = try mapping()
            mapping.touch(0..<5 * page)
            #expect(try mapping.residentPages(0..<span) == 5)
        }

        @Test func reportsPrint() throws {
            let report = try Inspector().inspect(processID)
            let text = report.text(areaLimit: 3)
            #expect(text.contains("process \(processID) ("))
            #expect(text.contains("empty-table reclaim would give back"))
            #expect(text.contains("spans in"))
            #expect(report.cost.longestHoldNanoseconds <= report.cost.totalHoldNanoseconds)
            #expect(report.json(indented: false).split(separator: "\n").count == 1)
            #expect(report.json().hasPrefix("{\n  \"pid\": \(processID),\n"))
        }
    }
}

extension LiveTests {
    @Suite(.serialized)
    struct InspectErrorTests {
        @Test(arguments: methods) func noSuchProcess(method: ScanMethod) {
            #expect(throws: LiveError.noSuchProcess(1 << 30)) { try Inspector(method: method).inspect(1 << 30) }
        }

        @Test func kernelThread() {
            guard let stat = try? ProcessStat(pid: 2), stat.isKernelThread else {
                return print("skipped: process 2 is no kernel thread here (a container)")
            }
            #expect(throws: LiveError.kernelThread(2)) { try Inspector().inspect(2) }
        }

        @Test func childThatHasEnded() throws {
            var child = try ChildProcess(executable: "/bin/sh", arguments: ["-c", "echo ready"])
            #expect(try child.nextLine() == "ready")
            #expect(try child.nextLine() == nil)
            // A zombie until it is waited for.
            let pid = Int(child.pid)
            while try ProcessStatus(pid: pid).state != "Z" {}
            #expect(throws: LiveError.exited(pid)) { try Inspector().inspect(pid) }
            #expect(try child.wait() == 0)
            #expect(throws: LiveError.noSuchProcess(pid)) { try Inspector().inspect(pid) }
        }

        @Test func everyErrorSaysWhatItMeans() {
            let errors: [LiveError] = [
                .noSuchProcess(7), .exited(7), .permissionDenied(7, file: "pagemap"), .kernelThread(7),
                .malformed(file: "maps", line: 3, text: "x"), .unsupported("no"), .childFailed("no"),
                .system("read", .ioError),
            ]
            #expect(errors.allSatisfy { !$0.description.isEmpty })
            #expect(LiveError.permissionDenied(7, file: "pagemap").description.contains("CAP_SYS_PTRACE"))
        }
    }
}

extension LiveTests {
    @Suite(.serialized)
    struct LiveLoopTests {
        @Test(arguments: LiveLoop.Variant.allCases) func loopInThisProcess(variant: LiveLoop.Variant) throws {
            var steps: [Int] = []
            let result = try LiveLoop.run(.init(bytes: 16 * span, rounds: 20, variant: variant)) { steps.append($0) }
            #expect(steps == Array(1...20))
            #expect(result.nanosecondsPerPage > 0)
            #expect(result.after.minorFaults - result.before.minorFaults >= 20 * 512)
            guard variant == .halves else { return }
            // 16 places in 20 rounds: the halves leave every table behind. VmPTE is the whole process's, and other tests
            // unmap memory of their own meanwhile: of several tries, one must be undisturbed.
            var growth = result.vmPTEGrowth
            for _ in 0..<20 where growth < 16 * 4 {
                growth = try LiveLoop.run(.init(bytes: 16 * span, rounds: 20, variant: variant)).vmPTEGrowth
            }
            #expect(growth >= 16 * 4)
        }

        @Test(arguments: [(0, 1), (1, 0), (-5, 3), (Int.max, 1)]) func absurdSizes(bytes: Int, rounds: Int) {
            #expect(throws: LiveError.self) { try LiveLoop.run(.init(bytes: bytes, rounds: rounds, variant: .whole)) }
        }

        @Test func childThatIsNoLiveLoop() {
            #expect(throws: LiveError.childFailed("live loop in a child (/bin/false): exit status 1 without a result"))
            {
                try LiveLoop.spawn(executable: "/bin/false", .init(variant: .whole))
            }
            #expect(throws: LiveError.self) { try LiveLoop.spawn(executable: "/nonexistent", .init(variant: .whole)) }
        }
    }
}
