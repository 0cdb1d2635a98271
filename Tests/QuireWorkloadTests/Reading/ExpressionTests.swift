// Expressions and hand-written lines: precedence, suffixes, names, bindings, and errors with the column where they are.

import Testing

@testable import QuireWorkload

@Suite struct ExpressionTests {
    static let values: [(String, UInt64)] = [
        ("1", 1), ("0x1f", 0x1F), ("0644", 0o644), ("4K", 4096), ("1M", 0x10_0000), ("2G", 0x8000_0000),
        ("1T", 0x100_0000_0000),
        ("18446744073709551615", UInt64.max), ("0xffffffffffffffff", .max), ("-1", .max), ("NULL", 0),
        ("1+2*3", 7), ("(1+2)*3", 9), ("8-2-1", 5), ("1|2+4", 7), ("1 | 6", 7), ("a+64K", 0x2_0000), ("a-1", 0xFFFF),
        ("-a", 0xFFFF_FFFF_FFFF_0000), ("PROT_READ|PROT_WRITE", 3), ("2*a+1", 0x20001), ("1<<4", 16), ("0", 0),
        ("0xffffffffffffffff+1", 0), ("1 /* one */ + 1", 2), ("MAP_HUGE_2MB", 0x5400_0000),
        ("16383T+1", 0x3F_FF00_0000_0001),
    ]

    @Test(arguments: values)
    func value(text: String, expected: UInt64) throws {
        let (statement, _) = try parsed("munmap(\(text), 1)", ["a": 0x10000])
        #expect(statement.integer(0) == expected)
        #expect(statement.integer(1) == 1)
    }

    static let errors: [(String, Int, String)] = [
        ("munmap(18446744073709551616, 1)", 8, "expected a number below 2^64, found '18446744073709551616'"),
        ("munmap(0x10000000000000000, 1)", 8, "expected a number below 2^64, found '0x10000000000000000'"),
        ("munmap(16777216T, 1)", 8, "expected a number below 2^64, found '16777216T'"),
        ("munmap(12x, 1)", 10, "expected the end of a number, found 'x'"),
        ("munmap(08, 1)", 9, "expected the end of a number, found '8'"),
        ("munmap(b+1, 1)", 8, "expected a known name, found 'b'"),
        (
            "mmap(0, 1, PROT_REED, 0, 0, 0)", 12,
            "expected a known name, found 'PROT_REED' (near: PROT_READ)"
        ),
        ("munmap(1 2)", 10, "expected ',' or ')' after an argument, found '2'"),
        ("munmap(1, ", 11, "expected a number, a name or a flag, found the end of the line"),
        ("munmap(1", 9, "expected ',' or ')' after an argument, found the end of the line"),
        ("munmap(1) x", 11, "expected the end of the line, found 'x'"),
        ("munmap", 7, "expected '(' after the name of a call, found the end of the line"),
        ("a = ", 5, "expected a call after '=', found the end of the line"),
        ("[d] munmap(1, 2)", 2, "expected a known name, found 'd'"),
        ("snapshot(\"x)", 13, "expected '\"' at the end of a string, found the end of the line"),
        ("munmap((1, 2)", 10, "expected ')' after an expression, found ','"),
        ("munmap(1, 2) = -1", 18, "expected the name of an error, found the end of the line"),
        ("munmap(1, 2, 3, 4, 5, 6, 7, 8, 9)", 32, "expected at most 8 arguments, found '9'"),
        ("%", 1, "expected a call, found '%'"),
        (
            "ioctl(1, UFFDIO_REGISTERR, {a=1})", 10,
            "expected a known name, found 'UFFDIO_REGISTERR' (near: UFFDIO_REGISTER)"
        ),
        ("\u{1}\u{2}", 1, "expected a call, found the byte 0x1"),
        ("expect a ==", 12, "expected a number, a name or a flag, found the end of the line"),
        ("expect a = 1", 10, "expected a comparison (== != < <= > >=), found '='"),
    ]

    @Test(arguments: errors)
    func errorNamesItsColumn(line: String, column: Int, message: String) {
        #expect(described(line, ["a": 1]) == "t.q:1:\(column): \(message)")
    }

    @Test(arguments: ["(", "-", "~", "/**/"]) func nestingIsLimited(opening: String) {
        let line = "munmap(" + String(repeating: opening, count: 100_000) + "1, 1)"
        #expect(described(line).contains("levels of nesting"))
        let structure = "ioctl(1, UFFDIO_API, " + String(repeating: "{a=", count: 100_000) + "1)"
        #expect(described(structure).contains("levels of nesting"))
        let condition = "expect " + String(repeating: "!(", count: 100_000) + "1"
        #expect(described(condition).contains("levels of nesting"))
    }

    static let lines: [(String, String)] = [
        ("a = mmap(0, 4K, PROT_READ, MAP_PRIVATE, -1, 0)", "a = mmap(0, 1000, 1, 2, ffffffffffffffff, 0)"),
        ("[a] b = load(a, 1)", "[a] b = load(10000, 1)"),
        ("run(ksmd, 2)", "run(word ksmd, 2)"),
        ("write_sys(\"/sys/x\", \"1\\n\")", "write_sys(\"/sys/x\", \"1\n\")"),
        ("h = gup(a, 4K, FOLL_WRITE|FOLL_LONGTERM)", "h = gup(10000, 1000, 101)"),
        ("parallel", "parallel()"), ("end # done", "end() #done"),
        ("expect a == 1 && b != SIGBUS # why", "expect() a == 1 && b != SIGBUS #why"),
        ("never (a == 1)", "never() (a == 1)"),
        ("thread()", "thread()"), ("exit(0)", "exit(0)"), ("munmap ( a , 1 )", "munmap(10000, 1)"),
        ("madvise(a, 1, MADV_DONTNEED)\r", "madvise(10000, 1, 4)"),
    ]

    @Test(arguments: lines)
    func handWrittenLines(line: String, expected: String) {
        #expect(described(line, ["a": 0x10000, "b": 1]) == expected)
    }

    @Test func bindingHidesConstantAndIsReported() throws {
        let (statement, _) = try parsed("munmap(PROT_READ, 1)", ["PROT_READ": 9])
        #expect(statement.integer(0) == 9)
        #expect(statement.usesBoundNames)
        let (plain, _) = try parsed("munmap(PROT_READ, 1)")
        #expect(!plain.usesBoundNames)
    }

    static let answers: [(String, Bool)] = [
        ("r1 == 7 && r2 == SIGBUS", true), ("r1 == SIGBUS", false), ("r1 == 7 && r2 != SIGBUS", false),
        ("SIGBUS == r2", true), ("e == ENOMEM", true), ("e == -1", true), ("e != EINVAL", true), ("r1 < 8", true),
        ("r1 >= 8 || r1 <= 6", false), ("!(r1 == 8)", true), ("r1 + 1 == 2*4", true), ("r1 | 8 == 15", true),
        ("e == EPERM", false), ("r1", true),
    ]

    @Test(arguments: answers)
    func conditions(text: String, expected: Bool) throws {
        var names = Names()
        for (name, binding) in [("r1", Binding.value(7)), ("r2", .signal(7)), ("e", .error(12))] {
            let id = names.intern(name)
            names.bind(try #require(id), to: binding)
        }
        let condition = try Condition(text, names: &names)
        #expect(condition.holds(names) == expected)
    }

    @Test func namesAreFew() {
        var names = Names()
        let longest = names.intern(String(repeating: "x", count: 63))
        let tooLong = names.intern(String(repeating: "x", count: 64))
        #expect(longest != nil && tooLong == nil)
        let a = names.intern("a_name_longer_than_sixteen_bytes_1")
        let again = names.intern("a_name_longer_than_sixteen_bytes_1")
        let other = names.intern("a_name_longer_than_sixteen_bytes_2")
        #expect(a == again && a != other)
        #expect(names.near("MADV_DONTNEDE").first == "MADV_DONTNEED")
    }
}
