// Which memory may have huge pages, for whom: the whole table, under the rules of today and those before (S3-07).

import Testing

@testable import Quire

@Suite struct EligibilityTests {
    /// A row: what is asked about, and the answers for fault, collapse and smaps.
    struct Row: CustomTestStringConvertible, Sendable {
        var name: String
        var kind: AreaKind
        var abilities: DriverAbilities = []
        var flags: AreaFlags = []
        var now: [Bool]
        var before: [Bool]
        var testDescription: String { name }
    }

    static let rows = [
        Row(name: "anonymous", kind: .anonymous, now: [true, true, true], before: [true, true, true]),
        Row(name: "DAX", kind: .driver, abilities: .dax, now: [true, false, false], before: [true, false, false]),
        Row(
            name: "DAX with mixed frames", kind: .driver, abilities: [.dax, .mixedMap], flags: .mixedMap,
            now: [true, false, false], before: [true, false, false]),
        Row(
            name: "driver with huge_fault", kind: .driver, abilities: .hugeFault, now: [true, false, true],
            before: [false, false, false]),
        Row(
            name: "driver with huge_fault and mixed frames", kind: .driver, abilities: [.hugeFault, .mixedMap],
            flags: .mixedMap, now: [true, false, true], before: [false, false, false]),
        Row(
            name: "driver without huge_fault", kind: .driver, now: [false, false, false],
            before: [false, false, false]),
        Row(
            name: "anonymous with mixed frames", kind: .anonymous, flags: .mixedMap, now: [true, false, true],
            before: [false, false, false]),
        Row(name: "shmem", kind: .shared, now: [false, true, true], before: [false, true, true]),
        Row(name: "plain file", kind: .file, now: [false, false, false], before: [false, false, false]),
    ]

    private func answers(_ row: Row, _ rules: HugeRules, _ change: (inout EligibleArea) -> Void = { _ in }) -> [Bool] {
        var settings = Settings()
        settings.sizes.set(global: .always)
        settings.huge.shmem = .always
        var area = EligibleArea(kind: row.kind, flags: row.flags, abilities: row.abilities, fitting: .file)
        change(&area)
        let policies = HugePolicies(settings, rules: rules)
        return [HugePurpose.fault, .collapse, .smaps].map { policies.orders(area, $0).contains(.huge) }
    }

    @Test(arguments: rows) func kindOfMemoryDecides(_ row: Row) {
        #expect(answers(row, .handlersDecide) == row.now)
        #expect(answers(row, .byFlags) == row.before)
    }

    @Test func onlyRowsOfDriversAndMixedFramesEverChanged() {
        let changed = Self.rows.filter { $0.now != $0.before }.map(\.name)
        #expect(
            changed == [
                "driver with huge_fault", "driver with huge_fault and mixed frames", "anonymous with mixed frames",
            ])
    }

    @Test(arguments: rows) func adviceAgainstItForbidsEverything(_ row: Row) {
        #expect(answers(row, .handlersDecide) { $0.flags.insert(.noHugePage) } == [false, false, false])
        #expect(answers(row, .handlersDecide) { $0.disabled = .completely } == [false, false, false])
    }

    @Test func areaThatIsTooSmallFaultsSmallerAndIsNotEligible() {
        let anonymous = Self.rows[0]
        #expect(answers(anonymous, .handlersDecide) { $0.fitting = [] } == [true, false, false])
        #expect(answers(anonymous, .handlersDecide) { $0.hasAnonVMA = false } == [true, false, true])
    }

    @Test func knobsOfSizesAndAdviceSelectOrders() {
        var settings = Settings()
        settings.sizes.set(order: 4, .madvise)
        settings.sizes.set(order: 5, .always)
        settings.sizes.set(order: 9, .inherit)
        let area = EligibleArea(kind: .anonymous, flags: [], fitting: .file)
        var advised = area
        advised.flags = .hugePage
        func orders(_ area: EligibleArea, _ purpose: HugePurpose = .fault) -> UInt16 {
            HugePolicies(settings).orders(area, purpose).rawValue
        }
        #expect(orders(area) == 1 << 5)
        #expect(orders(advised) == 1 << 4 | 1 << 5 | 1 << 9)
        settings.sizes.set(global: .never)
        #expect(orders(advised) == 1 << 4 | 1 << 5)
        #expect(orders(advised, .collapse) == 0)
        #expect(orders(advised, .forcedCollapse) == 1 << 9, "MADV_COLLAPSE does not ask the knobs")
        settings.sizes.set(global: .always)
        #expect(orders(area) == 1 << 5 | 1 << 9)
    }

    @Test func smapsSaysWhatTheFunctionSays() throws {
        let test = try TestMachine()
        try test.machine.set(hugeFolder + "enabled", "always")
        let task = test.task
        let anonymous = try test.map(2 * span, at: 0x1000_0000_0000)
        let small = try test.map(span - page, at: 0x1000_4000_0000)
        let plain = try task.openDevice("/dev/plain", size: 4 * span, [])
        let handler = try task.openDevice("/dev/huge", size: 4 * span, [.hugeFault, .mixedMap])
        let dax = try task.openDevice("/dev/dax", size: 4 * span, .dax)
        let shared = try task.memfdCreate("m")
        try task.ftruncate(shared, 4 * span)
        var starts = [anonymous, small]
        for fd in [plain, handler, dax, shared] {
            let at = 0x1001_0000_0000 + UInt64(fd) * 16 * span
            starts.append(
                try task.mmap(at, length: 2 * span, protection: [.read, .write], flags: [.shared, .fixed], fd: fd))
        }
        let reports = test.process.areaReports()
        let eligible = starts.map { start in reports.first { $0.start == start }!.isHugePageEligible }
        #expect(eligible == [true, false, false, true, false, false])
        #expect(reports.first { $0.start == starts[3] }!.flags.letters.contains("mm"))
        for start in starts { #expect(task.storeByte(start, 1) == .done) }
        test.checkAll()
        for fd in [plain, handler, dax, shared] { try task.close(fd) }
        test.expectNothingLeft()
    }
}
