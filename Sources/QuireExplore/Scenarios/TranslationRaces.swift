// What a TLB still knows after an entry is gone: the races of the gap between clearing and flushing. are those of
// a table that is cut out, for processors that do not stand two translations of one address; R-04 is the window that
// MADV_DONTNEED always had, and the question whether that is safe (Q1). docs/races.md has the argument.

import Quire
import QuireHost

/// What the program's threads have read, by the name of the place. Of one scene: each worker has its own.
final class Registers {
    var values: [String: String] = [:]

    func load(_ task: Task, _ address: UInt64, _ name: String) {
        var value: UInt8 = 0
        values[name] = "-"
        if task.load(address, 1, { value = $0 }) == .done { values[name] = String(value) }
    }

    var text: String { values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: " ") }
}

/// A program's other area, away from the 2 MiB that go: a word for each thread to say something, and pages to touch.
let sceneAside: UInt64 = 0x1000_1000_0000

extension MachineConfiguration {
    /// TLBs of a few entries: what a scene of some pages needs, and no more to copy back.
    mutating func useSmallTLBs() {
        tlb = true
        tlbGeometry = TLBGeometry("l1:8x8")
    }
}

extension Scenario {
    static let translationRaces: [Scenario] = [
        Scenario(
            "R-02", "a small and a huge translation of one address in a TLB", rows: ["S0-05", "S0-08"],
            before: Omissions(safeguards: [.flushBeforeHugeEntry])
        ) { omissions in try hookScene(.huge, without: omissions, hooks: "huge", tolerance: "one-size") },
        Scenario(
            "R-03", "two small translations of one address in a TLB, by an old table and a new one",
            rows: ["S0-06", "S0-08"], before: Omissions(safeguards: [.flushBeforeTable])
        ) { omissions in try hookScene(.table, without: omissions, hooks: "table", tolerance: "one") },
        Scenario(
            "R-04", "MADV_DONTNEED frees a page while another CPU still translates to it", rows: ["S0-07"],
            before: Omissions(safeguards: [.flushBeforeFree]), isBad: isStale
        ) { omissions in try questionOne(cpus: 2, length: Page.size, without: omissions) },
    ]

    // MARK: Q4

    /// What a fault puts in the place of a page that goes.
    enum Refault: String, CaseIterable, Sendable {
        /// A leaf of 2 MiB, in the place of the table; the fault is at another address.
        case huge
        /// A new table.
        case table
        /// Another page in the same table: MADV_DONTNEED was of the page alone.
        case page
    }

    /// Who keeps what with which hooks: `before` is the machine with these hooks and is found where they do not keep
    /// two translations of one address apart; `after` flushes in the zap as well, and that always does. Where the hooks are
    /// enough there is no `before`.
    static let hookMatrix: [Scenario] = Refault.allCases.flatMap { refault in
        ["off", "huge", "table", "both"].flatMap { hooks in
            ["one-size", "one"].map { tolerance in
                Scenario(
                    "Q4-\(refault.rawValue)-\(hooks)-\(tolerance)",
                    "a TLB that stands \(tolerance) translation, a new \(refault.rawValue), hooks: \(hooks)",
                    rows: ["S0-08"],
                    before: isKept(refault, hooks, tolerance) ? nil : Omissions(safeguards: [.flushInZap])
                ) { omissions in
                    let all = ["off": "zap", "huge": "huge+zap", "table": "table+zap", "both": "all"][hooks]!
                    let used = isKept(refault, hooks, tolerance) ? hooks : all
                    return try hookScene(refault, without: omissions, hooks: used, tolerance: tolerance)
                }
            }
        }
    }

    private static func isKept(_ refault: Refault, _ hooks: String, _ tolerance: String) -> Bool {
        switch refault {
        case .huge: hooks == "huge" || hooks == "both"
        case .table: tolerance == "one-size" || hooks == "table" || hooks == "both"
        case .page: tolerance == "one-size"
        }
    }

    /// A page goes on CPU 0, with its table or without, and is touched on CPU 1; CPU 3 has a translation of it and does nothing
    /// but what its hardware does, which is the third strand. With a huge page, CPU 1 has one too and touches another address.
    static func hookScene(
        _ refault: Refault, without omissions: Omissions, hooks: String, tolerance: String
    ) throws -> MachineScene {
        let scene = try MachineScene.anonymous(cpus: 4, without: omissions) {
            $0.useSmallTLBs()
            if refault == .huge { $0.memory = 32 << 20 }
        } prepare: { task in
            let machine = task.process.machine
            try machine.set("tlb_flush_before", hooks)
            try machine.set("machine.tlb_tolerance", tolerance)
            if refault == .huge { try task.madvise(sceneStart, sceneSpan, Advice.hugePage.rawValue) }
        } warm: { task in
            if task.cpu.index == 3 || refault == .huge && task.cpu.index == 1 { _ = task.access(sceneStart, .read) }
        }
        let length = refault == .page ? Page.size : sceneSpan
        scene.cpu(0, "madvise(\(hexadecimal(sceneStart)), \(length >> 10)K, MADV_DONTNEED)") { task in
            try? task.madvise(sceneStart, length, Advice.dontNeed.rawValue)
        }
        scene.stores(1, at: refault == .huge ? sceneStart + 0x5000 : sceneStart)
        scene.cpu(2, "hardware of CPU 3 translates \(hexadecimal(sceneStart)) by itself") { task in
            task.speculate(sceneStart, on: 3)
        }
        return scene
    }

    // MARK: Q1

    /// One page with 7 in it, one MADV_DONTNEED of `length` bytes around it on CPU 0, and one writer on CPU 1. CPU 0 looks
    /// afterwards, uses the first free frame for something else, and says that it is done; the others read before and after.
    static func questionOne(cpus: Int, length: UInt64, without omissions: Omissions) throws -> MachineScene {
        let (page, done, other) = (sceneStart, sceneAside, sceneAside + sceneSpan)
        let scene = try MachineScene.anonymous(cpus: cpus, without: omissions) {
            $0.useSmallTLBs()
            $0.contents = .lazy
        } prepare: { task in
            _ = task.storeByte(page, 7)
            try task.mmap(
                sceneAside, length: 2 * sceneSpan, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            // The table of the other page is there, the page is not.
            _ = task.storeByte(other + Page.size, 0)
        } warm: { task in
            _ = task.storeByte(done, 0)
            _ = task.storeByte(page, 7)
        }
        let seen = Registers()
        scene.cpu(0, "madvise(\(hexadecimal(page)), \(length >> 10)K, MADV_DONTNEED); r0 = page; other = 9; done = 1") {
            task in
            try? task.madvise(page, length, Advice.dontNeed.rawValue)
            seen.load(task, page, "r0")
            _ = task.storeByte(other, 9)
            _ = task.storeByte(done, 1)
        }
        scene.cpu(1, "page = 1; r1 = page") { task in
            _ = task.storeByte(page, 1)
            seen.load(task, page, "r1")
        }
        if cpus > 2 {
            scene.cpu(2, "d2 = done; r2 = page") { task in
                seen.load(task, done, "d2")
                seen.load(task, page, "r2")
            }
        }
        scene.outcome = { process in
            let end = Registers()
            end.load(process.main, page, "page")
            end.load(process.main, other, "other")
            return "\(seen.text) | \(end.text)"
        }
        return scene
    }

    /// What must not be: the old 7 after the call has returned, in its own thread or in one that has learned of it; another page's
    /// contents; and another page written through the old translation.
    @Sendable static func isStale(_ text: String) -> Bool {
        let words = text.split(separator: " ")
        if words.contains("r0=7") || words.contains("r1=9") || words.contains("r2=9") || !words.contains("other=9") {
            return true
        }
        return words.contains("d2=1") && words.contains("r2=7")
    }

    static let questionOneScenes: [Scenario] = [
        Scenario(
            "Q1-page", "one writer, one MADV_DONTNEED of the page: every outcome on two CPUs", rows: ["S0-07"],
            before: nil, strategy: .exhaustive(preemptions: 3), isBad: isStale
        ) { omissions in try questionOne(cpus: 2, length: Page.size, without: omissions) },
        Scenario(
            "Q1-table", "one writer, one MADV_DONTNEED of the page and its table: every outcome on two CPUs",
            rows: ["S0-07"], before: nil, strategy: .exhaustive(preemptions: 3), isBad: isStale
        ) { omissions in try questionOne(cpus: 2, length: sceneSpan, without: omissions) },
        Scenario(
            "Q1-page-3", "one writer, one MADV_DONTNEED of the page, and a third CPU that learns of its end",
            rows: ["S0-07"], before: nil, strategy: .exhaustive(preemptions: 2), isBad: isStale
        ) { omissions in try questionOne(cpus: 3, length: Page.size, without: omissions) },
        Scenario(
            "Q1-table-3", "one writer, one MADV_DONTNEED of page and table, and a third CPU that learns of its end",
            rows: ["S0-07"], before: nil, strategy: .exhaustive(preemptions: 2), isBad: isStale
        ) { omissions in try questionOne(cpus: 3, length: sceneSpan, without: omissions) },
    ]
}
