// A third opinion on page tables: Unicorn, an emulator whose MMU is QEMU's, walks the tables of random machines and makes the
// accesses. It must agree with the memory manager and with the hardware walker on every address and right. The emulator's
// side is Scripts/unicorn-walk; without python3 or its module the test says so and is skipped.

import Foundation
import HardwareWalker
import Testing

@testable import Quire

@Suite struct UnicornTests {
    @Test(arguments: Layout.allCases) func anEmulatorsMMUAgrees(_ layout: Layout) throws {
        guard Emulator.isThere else { return }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("quire-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        var images: [String] = []
        var pages = 0
        for seed in 1...6 as ClosedRange<UInt64> {
            var run = try TableRun(layout, seed: seed)
            for _ in 0..<120 { run.step() }
            run.test.expectHardwareAgrees("seed \(seed)")
            for process in run.test.machine.processes {
                let image = TableImage(run.test, process)
                pages += image.pages
                let path = folder.appendingPathComponent("seed-\(seed)-pid-\(process.pid)")
                try image.text.write(to: path, atomically: false, encoding: .utf8)
                images.append(path.path)
            }
            run.test.expectNothingLeft()
        }
        #expect(pages > 1000)
        let (status, output) = try Emulator.run(images)
        #expect(status == 0, "\(output)")
    }

    /// That the emulator does look: an image that says something wrong is contradicted.
    @Test(arguments: Layout.allCases) func anEmulatorsMMUContradicts(_ layout: Layout) throws {
        guard Emulator.isThere else { return }
        let test = try TestMachine(layout.apply)
        let start = try test.map(4 * page)
        test.task.touchWrite(start, 4 * page)
        let text = TableImage(test, test.process).text
        let right = text.split(separator: "\n").first { $0.hasPrefix("page ") }!.split(separator: " ")
        for (place, wrong) in [(2, "3000"), (3, "ra"), (3, "rwxa"), (0, "none")] {
            var words = right.map(String.init)
            words[place] = wrong
            if wrong == "none" { words = Array(words.prefix(2)) }
            let path = FileManager.default.temporaryDirectory.appendingPathComponent("quire-\(UUID().uuidString)")
            defer { try? FileManager.default.removeItem(at: path) }
            let changed = text.replacingOccurrences(
                of: right.joined(separator: " "), with: words.joined(separator: " "))
            try changed.write(to: path, atomically: false, encoding: .utf8)
            let (status, output) = try Emulator.run([path.path])
            #expect(status == 1, "\(wrong): \(output)")
        }
        test.expectNothingLeft()
    }
}

/// Scripts/unicorn-walk.
private enum Emulator {
    private static let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../Scripts/unicorn-walk").standardizedFileURL.path

    /// Whether it can run here; says why not, once.
    static let isThere: Bool = {
        let found = try? run([])
        if found?.status == 0 { return true }
        print("skipped: no second MMU here: \(found?.output ?? "python3 cannot be run")")
        return false
    }()

    static func run(_ images: [String]) throws -> (status: Int32, output: String) {
        let process = Foundation.Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", script] + images
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }
}

/// Page tables as Scripts/unicorn-walk reads them, with what the memory manager says of each address.
private struct TableImage {
    private(set) var text: String
    private(set) var pages = 0

    init(_ test: TestMachine, _ process: Quire.Process) {
        let hardware = test.hardware(process)
        let audit = hardware.audit()
        let space = process.space
        let isArm = test.machine.configuration.architecture == .arm64
        text = isArm ? "arch arm64\n" : "arch x86_64 \(space.tables.format.levels)\n"
        text += "memory \(hex(hardware.memoryEnd))\nroot \(hex(hardware.root))\n"
        for table in audit.tables {
            text += "table \(hex(table))"
            for index in 0..<512 as Range<UInt64> {
                let word = hardware.read(table + index * 8)
                if word != 0 { text += " \(hex(index)):\(hex(word))" }
            }
            text += "\n"
        }
        var previous: UInt64 = 0
        for (address, found) in audit.leaves {
            // Of a large leaf its first page, its last, and some between.
            let count = UInt64(1) << (found.shift - Page.shift)
            for place in count == 1 ? [0] : [0, 1, count / 3, count - 1] {
                add(test, process, address + place * page, hardware)
            }
            if previous != 0, previous < address { text += "none \(hex(previous))\n" }
            previous = address + 1 << found.shift
        }
    }

    /// What the memory manager reads for a page; the hardware walker has been compared with it already.
    private mutating func add(
        _ test: TestMachine, _ process: Quire.Process, _ address: UInt64, _ hardware: HardwareMMU
    ) {
        guard let (entry, _, frame) = process.space.leafEntry(test.cpu, address) else { return }
        let format = process.space.tables.format
        // An emulator without hardware dirty state may write only what is dirty.
        var plain = hardware
        plain.managesFlags = false
        let mayWrite = (try? plain.walk(address))?.writable ?? false
        #expect(!mayWrite || format.isWritable(entry))
        text += "page \(hex(address)) \(hex(frame.address)) r"
        if mayWrite { text += "w" }
        if format.isExecutable(entry) { text += "x" }
        if format.isAccessed(entry) || test.machine.configuration.architecture == .x86_64 { text += "a" }
        text += "\n"
        pages += 1
    }

    private func hex(_ value: UInt64) -> String { String(value, radix: 16) }
}

/// A machine under random operations that leave pages of every size and state: small ones, folios of 64 KiB and 2 MiB, old,
/// clean, shared, without rights, executable, in two processes.
private struct TableRun {
    let test: TestMachine
    private var random: SeededRandom
    private let base: UInt64 = 0x4000_0000

    init(_ layout: Layout, seed: UInt64) throws {
        random = SeededRandom(seed: seed)
        test = try TestMachine {
            layout.apply(&$0)
            $0.memory = 64 << 20
            $0.tlb = seed % 2 == 0
        }
        let folder = "/sys/kernel/mm/transparent_hugepage/"
        try test.machine.set(folder + "hugepages-64kB/enabled", "always")
        if seed % 3 != 0 { try test.machine.set(folder + "hugepages-2048kB/enabled", "always") }
        let fd = try test.task.memfdCreate("shared")
        try test.task.ftruncate(fd, 300 * page)
    }

    mutating func step() {
        let all = test.machine.processes
        let process = all[random.below(all.count)]
        let task = process.main
        let start = base + UInt64(random.below(2200)) * page
        let length = UInt64(1 + random.below(random.oneIn(3) ? 1100 : 40)) * page
        let protection: Protection = [[.read, .write], .read, [.read, .execute], [.read, .write, .execute], []][
            random.below(5)]
        switch random.below(14) {
        case 0, 1, 2:
            _ = try? task.mmap(
                start, length: length, protection: [.read, .write, .execute],
                flags: [.private, .anonymous, .fixed])
        case 3:
            _ = try? task.mmap(
                start, length: length, protection: protection, flags: [.shared, .fixed], fd: 3,
                offset: UInt64(random.below(100)) * page)
        case 4: try? task.mprotect(start, length, protection)
        case 5: try? task.munmap(start, length / 3 & ~(page - 1))
        case 6: try? task.madvise(start, length, Advice.dontNeed.rawValue)
        case 7: try? task.madvise(start, length, Advice.free.rawValue)
        case 8: _ = try? task.mremap(start, length, length, [.mayMove, .fixed], 0x7f00_0000_0000 + start)
        case 9 where all.count < 3: _ = try? task.fork(pid: all.count + 1)
        default:
            for place in 0..<min(length / page, 60) {
                _ = task.access(start + place * page, random.oneIn(2) ? .write : .read)
            }
        }
    }
}
