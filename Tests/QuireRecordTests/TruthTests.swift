// /proc's text into the report's shape, the count of lost events, the small readers beside them.

import Foundation
import Testing

@testable import QuireRecord

@Suite struct TruthTests {
    static let smaps = """
        00400000-0041f000 r--p 00001000 fe:00 254587                             /usr/bin/py thon
        Size:                124 kB
        Rss:                  96 kB
        Anonymous:             4 kB
        THPeligible:           0
        VmFlags: rd mr mw me
        7ffe8cc42000-7ffe8cc63000 rw-p 00000000 00:00 0                          [stack]
        Rss:                  12 kB
        """

    static func process(_ pid: Int, minor: UInt64) -> ProcessTruth {
        ProcessTruth(
            pid: pid, status: "Name:\ta (b\nVmSize:\t   26400 kB\nThreads:\t3\n",
            stat: "\(pid) (a (b) c) S 1 1 1 0 -1 4194304 \(minor) 0 2 0", smaps: smaps)
    }

    @Test func processFilesAreRead() {
        let process = Self.process(9, minor: 922)
        #expect(process.name == "a (b")
        #expect(process.status == ["VmSize": 26400])
        #expect(process.minorFaults == 922 && process.majorFaults == 2)
        #expect(process.areas.count == 2)
        let area = process.areas[0]
        #expect(area.start == 0x400000 && area.end == 0x41f000 && area.offset == 0x1000 && area.inode == 254587)
        #expect(area.path == "/usr/bin/py thon" && area.permissions == "r--p")
        #expect(area.sizes.map(\.key) == ["Size", "Rss", "Anonymous", "THPeligible"])
        #expect(area.flags == ["rd", "mr", "mw", "me"])
        #expect(process.areas[1].path == "[stack]" && process.areas[1].sizes[0].value == 12)
    }

    @Test func faultsThatTheRecordingLacksAreCounted() {
        let snapshot = { (label: String, minor: UInt64) in
            Snapshot(label: label, time: 0, processes: [Self.process(9, minor: minor)], how: "")
        }
        let snapshots = [snapshot("a", 102), snapshot("b", 252)]
        // Two more than exceptions from the beginning on: the image's. Then ten are lost.
        let counted = { (last: Int, calls: [String: Int]) in
            LostEvents.unexplained(snapshots: snapshots, exceptionsAt: ["a": [9: 98], "b": [9: last]], calls: calls)
        }
        #expect(counted(238, [:]) == 10)
        #expect(counted(248, [:]) == 0)
        // What mlock brings in has no exception: nothing can be said.
        #expect(counted(238, ["mlockall": 1]) == 0)
    }

    @Test func jsonKeepsOrderAndEscapes() throws {
        let json = Json.object([("b", .number(1)), ("a", .array([.string("x\"\\\n\u{1}ä"), .bool(true)]))])
        #expect(json.text() == "{\"b\": 1, \"a\": [\"x\\\"\\\\\\n\\u0001ä\", true]}")
        _ = try JSONSerialization.jsonObject(with: Data(json.text(depth: 3).utf8))
    }

    @Test func protectionsKnowTheLastWord() {
        var map = Protections()
        map.set(.init(start: 0x1000, length: 0x4000, offset: 0, permissions: "rw-p", path: ""))
        map.set(.init(start: 0x2000, length: 0x1000, offset: 0, permissions: "r--p", path: ""))
        #expect([0x1000, 0x2000, 0x2fff, 0x3000, 0x4fff].map { map.writable($0) } == [true, false, false, true, true])
        #expect(map.writable(0x5000) == nil && map.writable(0) == nil)
        map.set(.init(start: .max - 1, length: 0x1000, offset: 0, permissions: "rw-p", path: ""))
    }

    @Test func theTruthStandsBesideTheRecording() {
        #expect(Compression.truthPath("/tmp/app.q.xz") == "/tmp/app.truth.json")
        #expect(Compression.truthPath("app.q") == "app.truth.json")
        #expect(Compression.truthPath("app") == "app.truth.json")
    }

    @Test func aCtrlCThatTheProgramGotItselfIsNotSentTwice() throws {
        var direct = Interrupts()
        let first = direct.again()
        direct.programGotOne()
        let due = direct.due()
        let second = direct.again()
        #expect([first, due, second] == [false, false, true])
    }

    @Test func aGrowingFileGivesWholeLinesOnly() throws {
        let path = NSTemporaryDirectory() + "quire-line-reader-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("one\ntw".utf8).write(to: URL(fileURLWithPath: path))
        var reader = try LineReader(path: path, chunk: 3)
        let early = [try reader.next(), try reader.next()]
        #expect(early == ["one", nil])
        let handle = try #require(FileHandle(forWritingAtPath: path))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("o\n\nthree".utf8))
        let late = [
            try reader.next(), try reader.next(), try reader.next(), reader.remainder(), reader.remainder(),
        ]
        #expect(late == ["two", "", nil, "three", nil])
    }
}
