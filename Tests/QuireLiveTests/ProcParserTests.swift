// The readers of /proc on literal text, well-formed and not.

import Testing

@testable import QuireLive

private func line(_ text: String) -> ArraySlice<UInt8> { ArraySlice(text.utf8) }

@Suite struct ProcessStatusTests {
    @Test func countersByTheirKernelNames() throws {
        let status = try ProcessStatus(
            parsing: """
                Name:\ta b
                State:\tS (sleeping)
                VmSize:\t    3060 kB
                VmPTE:\t      44 kB
                Threads:\t3
                untag_mask:\t0xffffffffffffffff

                """)
        #expect(status.name == "a b")
        #expect(status.state == "S")
        #expect(status.threads == 3)
        #expect(status[.vmSize] == Kilobytes(rawValue: 3060))
        #expect(status[.vmPTE].pages == 11)
        #expect(status[.vmSwap].rawValue == 0)
        #expect(status.hasAddressSpace)
    }

    @Test func zombieHasNoAddressSpace() throws {
        #expect(try !ProcessStatus(parsing: "Name:\tsh\nState:\tZ (zombie)\n").hasAddressSpace)
    }

    @Test(arguments: ["VmRSS:\tmany kB", "VmRSS:", "no colon", "VmRSS: 99999999999999999999 kB"])
    func malformed(text: String) {
        #expect(throws: LiveError.malformed(file: "status", line: 2, text: text)) {
            try ProcessStatus(parsing: "Name:\tx\n" + text)
        }
    }
}

@Suite struct ProcessStatTests {
    private let fields =
        "S 1 7 7 0 -1 4194304 151 20 3 0 2 1 0 0 20 0 1 0 8812 3133440 437 18446744073709551615 1 2 140722"

    @Test func nameMayHoldParenthesesAndBlanks() throws {
        let stat = try ProcessStat(parsing: "42 (a) (b c)) \(fields) 0 0")
        #expect(stat.name == "a) (b c)")
        #expect(stat.state == "S")
        #expect(stat.minorFaults == 151)
        #expect(stat.majorFaults == 3)
        #expect(stat.startTime == 8812)
        #expect(stat.startStack == 140722)
        #expect(!stat.isKernelThread)
    }

    @Test func kernelThread() throws {
        let text = "2 (kthreadd) \(fields.replacing("4194304", with: "2129984"))"
        #expect(try ProcessStat(parsing: text).isKernelThread)
    }

    @Test(arguments: ["", "42", "42 (x", "42 )x( S", "42 (x) S 1 2", "42 (x)"])
    func malformed(text: String) {
        #expect(throws: LiveError.malformed(file: "stat", line: 1, text: text)) { try ProcessStat(parsing: text) }
    }
}

@Suite struct MappedAreaTests {
    @Test func fileWithBlanksInItsName() throws {
        let area = try #require(
            MappedArea(
                parsing: line("7f00a000-7f00c000 r-xs 00002000 fe:00 253911                     /tmp/a b (deleted)")))
        #expect(area.range == 0x7f00_a000..<0x7f00_c000)
        #expect(area.permissions == "r-xs")
        #expect(area.offset == 0x2000)
        #expect(area.device == "fe:00")
        #expect(area.inode == 253911)
        #expect(area.path == "/tmp/a b (deleted)")
        #expect(!area.isAnonymous)
    }

    @Test(arguments: ["", "                  [heap]", "                  [anon:jemalloc]"])
    func anonymous(name: String) throws {
        #expect(try #require(MappedArea(parsing: line("1000-2000 rw-p 00000000 00:00 0 \(name)"))).isAnonymous)
    }

    @Test(arguments: [
        ("[vvar]", true), ("[vvar_vclock]", true), ("/dev/dri/card0", true), ("[vdso]", false),
        ("/dev/zero (deleted)", false), ("/dev/shm/x", false), ("[heap]", false),
    ])
    func areasThatWalksSkip(path: String, isSkipped: Bool) throws {
        let area = try #require(MappedArea(parsing: line("1000-2000 rw-p 00000000 00:05 7 \(path)")))
        #expect(area.isKernelMapped == isSkipped)
    }

    @Test(arguments: [
        "", "Size: 8 kB", "2000-1000 rw-p 0 00:00 0", "1000-2000", "1000-2000 rw 0 00:00 0", "1000 2000 rw-p 0",
        "1000-2000 rw-p 0 00:00", "11112222333344445-2 rw-p 0 00:00 0",
    ])
    func malformed(text: String) {
        #expect(MappedArea(parsing: line(text)) == nil)
    }
}

@Suite struct SmapsParserTests {
    @Test func countersAndFlagsBelongToTheAreaAbove() throws {
        let text = """
            1000-3000 rw-p 00000000 00:00 0 
            Size:                  8 kB
            Rss:                   4 kB
            Anonymous:             4 kB
            THPeligible:           1
            VmFlags: rd wr mr mw me ac 
            4000-5000 rw-s 00000000 00:10 9                          /anon_hugepage (deleted)
            KernelPageSize:     2048 kB
            VmFlags: rd wr sh ht 
            """
        var parser = SmapsParser()
        var areas: [SmapsArea] = []
        for (number, text) in text.split(separator: "\n").enumerated() {
            if let area = try parser.take(line(String(text)), number + 1) { areas.append(area) }
        }
        areas.append(try #require(parser.current))
        #expect(areas.count == 2)
        #expect(areas[0]["Rss"] == 4)
        #expect(areas[0]["THPeligible"] == 1)
        #expect(areas[0]["Swap"] == 0)
        #expect(areas[0].flags == ["rd", "wr", "mr", "mw", "me", "ac"])
        #expect(!areas[0].isHugetlb)
        #expect(areas[1].isHugetlb)
        #expect(areas[1]["KernelPageSize"] == 2048)
    }

    @Test(arguments: ["Rss:  x kB", "Rss", "", "\u{fffd}\u{0}"])
    func malformed(text: String) throws {
        var parser = SmapsParser()
        _ = try parser.take(line("1000-3000 rw-p 00000000 00:00 0 "), 1)
        #expect(throws: LiveError.malformed(file: "smaps", line: 2, text: text)) { try parser.take(line(text), 2) }
    }

    @Test func counterBeforeAnyArea() {
        var parser = SmapsParser()
        #expect(throws: LiveError.self) { try parser.take(line("Rss: 4 kB"), 1) }
    }
}

@Suite struct JSONTextTests {
    @Test func membersStayInOrderAndStringsAreEscaped() {
        let value = JSONText.object([
            .init("b", .array([.integer(.max), .null])), .init("a", .string("\"\\\n\u{1}ü")), .init("n", .number(1.5)),
        ])
        #expect(
            value.text(indented: false)
                == #"{"b":[18446744073709551615,null],"a":"\"\\\n\u0001ü","n":1.5}"#)
        #expect(JSONText.object([.init("x", .array([]))]).text(indented: true) == "{\n  \"x\": []\n}")
    }

    @Test(arguments: ["", "{", "progress 4", "{\"a\":1", "{a:1}", "{\"a\":1:2}", "[1]", "{\"a\":1,}"])
    func noFlatObject(text: String) {
        #expect(JSONText.integers(ofFlatObject: text) == nil)
    }

    @Test func liveLoopResultComesBack() throws {
        let sample = LiveLoop.Sample(
            vmSize: .init(rawValue: 52_543_280), vmRSS: .init(rawValue: 13_592), vmPTE: .init(rawValue: 96),
            minorFaults: 5)
        let result = LiveLoop.Result(
            parameters: .init(rounds: 7, variant: .halves), before: sample, after: sample, nanoseconds: 123_456)
        #expect(LiveLoop.Result(json: result.json) == result)
        #expect(LiveLoop.Result(json: "{\"rounds\":7}") == nil)
    }
}
