// The frame of a line: pid, time, the result behind a call, and the lines that are no calls.

extension StatementParser {
    // MARK: In front

    /// Process and time.
    @inline(__always)
    mutating func prefix(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        let byte = bytes.peek(at)
        if byte.startsName { return }
        if byte == 0x5B {
            try bracketed(bytes, into: &statement, names: &names)
        } else if byte.isDigit {
            try pid(bytes, into: &statement)
        }
        let next = bytes.peek(at)
        if next.isDigit || next == 0x28 { try times(bytes) }
    }

    /// `1234 `; a larger number is a time in seconds, for pids end at 2^22.
    private mutating func pid(_ bytes: Span<UInt8>, into statement: inout Statement) throws(Malformed) {
        let begin = at
        var value = 0
        while bytes.peek(at).isDigit && at - begin < 19 {
            value = value &* 10 &+ Int(bytes.peek(at) &- 0x30)
            at &+= 1
        }
        isRecorded = true
        guard bytes.peek(at).isBlank else {
            // A time without a pid: read as such.
            at = begin
            return
        }
        if value > 1 << 22 {
            at = begin
            return
        }
        statement.prefix = .pid(Int32(truncatingIfNeeded: value))
        skipBlanks(bytes)
    }

    /// `[pid 1234] ` or `[name] `.
    private mutating func bracketed(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        at += 1
        skipBlanks(bytes)
        let begin = at
        if bytes.holds("pid", at: at), bytes.peek(at + 3).isBlank {
            at += 3
            skipBlanks(bytes)
            let number = try number(bytes)
            guard number <= 1 << 22 else { throw Malformed(.processName, at: begin) }
            statement.prefix = .pid(Int32(truncatingIfNeeded: number))
            isRecorded = true
        } else if bytes.peek(at).startsName {
            let key = scanName(bytes)
            guard let id = names.find(key, in: bytes, at: begin), names.entries[Int(id.index)].state != .free else {
                if bytes.holds("Process", at: begin) {
                    // `[ Process PID=7 runs in 32 bit mode. ]`
                    skipToEnd(bytes)
                    return
                }
                throw Malformed(.knownName, at: begin)
            }
            statement.prefix = .name(id)
        } else {
            throw Malformed(.processName, at: begin)
        }
        guard take(0x5D, bytes) else { throw Malformed(.processEnd, at: at) }
        skipBlanks(bytes)
    }

    /// Times of day, Unix times, relative times; `(+ 0.000012)`.
    private mutating func times(_ bytes: Span<UInt8>) throws(Malformed) {
        while true {
            let begin = at
            if bytes.peek(at) == 0x28 {
                guard bytes.peek(at + 1) == 0x2B else { throw Malformed(.call, at: at) }
                at += 2
                skipBlanks(bytes)
            }
            guard bytes.peek(at).isDigit else { return }
            var byte = bytes.peek(at)
            while byte.isDigit || byte == 0x2E || byte == 0x3A {
                at &+= 1
                byte = bytes.peek(at)
            }
            if bytes.peek(begin) == 0x28 {
                guard take(0x29, bytes) else { throw Malformed(.time, at: begin) }
            }
            guard bytes.peek(at).isBlank else { throw Malformed(.time, at: begin) }
            isRecorded = true
            skipBlanks(bytes)
            let next = bytes.peek(at)
            if !next.isDigit && next != 0x28 { return }
        }
    }

    // MARK: Behind

    /// `= value`, `= -1 ERROR (text)`, `= ?`, and a duration.
    @inline(__always)
    mutating func result(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        skipBlanks(bytes)
        if bytes.peek(at) == 0x0A { return }
        if bytes.peek(at) == 0x3D {
            at &+= 1
            try recorded(bytes, into: &statement, names: &names)
        }
        if bytes.peek(at) == 0x3C { try skipDuration(bytes) }
    }

    private mutating func recorded(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        isRecorded = true
        skipBlanks(bytes)
        if bytes.peek(at) == 0x3F {
            at += 1
            statement.result = .unknown
            skipBlanks(bytes)
            if bytes.peek(at).startsName { _ = scanName(bytes) }
        } else if bytes.peek(at) == 0x2D {
            try failed(bytes, into: &statement, names: &names)
        } else {
            guard bytes.peek(at).isInName || bytes.peek(at) == 0x28 else { throw Malformed(.result, at: at) }
            statement.result = .value(try expression(bytes, statement: &statement, names: &names))
        }
        // What strace explains: `(flags O_RDWR)`, `</path>`, `(deleted)`, `(INJECTED)`.
        while true {
            skipBlanks(bytes)
            switch bytes.peek(at) {
            case 0x28: try skipExplanation(bytes)
            case 0x3C: try skipDuration(bytes)
            case 0x2F where bytes.peek(at + 1) == 0x2A: try skipRemark(bytes)
            default: return
            }
        }
    }

    private mutating func failed(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        let value = try expression(bytes, statement: &statement, names: &names)
        statement.result = .value(value)
        skipBlanks(bytes)
        let begin = at
        if bytes.peek(at).startsName {
            let key = scanName(bytes)
            statement.result = .error(try intern(key, bytes, begin, &names))
        } else if value == .max && bytes.peek(at) != 0x28 {
            throw Malformed(.errorName, at: at)
        }
    }

    /// `(…)` behind a result: text, in which brackets need not match.
    private mutating func skipExplanation(_ bytes: Span<UInt8>) throws(Malformed) {
        var level = 0
        while true {
            let byte = bytes.peek(at)
            if byte == 0x0A || byte == 0x23 { return }
            at += 1
            if byte == 0x28 { level += 1 }
            if byte == 0x29 {
                level -= 1
                if level == 0 { return }
            }
        }
    }

    private mutating func skipDuration(_ bytes: Span<UInt8>) throws(Malformed) {
        try skipAngles(bytes)
        skipBlanks(bytes)
    }

    // MARK: Lines that are no calls

    /// `+++ … +++`, `--- … ---`, `<... call resumed>…`, and what strace prints when it knows nothing.
    mutating func note(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        if bytes.holds("+++", at: at) {
            try ended(bytes, into: &statement, names: &names)
        } else if bytes.holds("---", at: at) {
            try signal(bytes, into: &statement, names: &names)
        } else if bytes.holds("<... ", at: at) {
            try resumed(bytes, into: &statement, names: &names)
        } else if bytes.holds("???", at: at) || bytes.holds("<ptrace(", at: at) || bytes.holds("<detached", at: at) {
            skipToEnd(bytes)
        } else if case .none = statement.prefix, bytes.peek(at).endsLine {
            return
        } else {
            throw Malformed(.call, at: at)
        }
    }

    private mutating func ended(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        at += 3
        skipBlanks(bytes)
        if bytes.holds("exited with ", at: at) {
            at += 12
            statement.kind = .exited
            guard bytes.peek(at).isDigit else { throw Malformed(.numberEnd, at: at) }
            statement.status = try number(bytes)
        } else if bytes.holds("killed by ", at: at) {
            at += 10
            statement.kind = .killed
            statement.status = signalNumber(bytes, names: names)
        } else if !bytes.holds("superseded by ", at: at) {
            throw Malformed(.exitStatus, at: at)
        }
        while !bytes.holds("+++", at: at) {
            if bytes.peek(at) == 0x0A { throw Malformed(.plusEnd, at: at) }
            at += 1
        }
        at += 3
    }

    private mutating func signal(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        at += 3
        skipBlanks(bytes)
        statement.kind = .signal
        statement.status = signalNumber(bytes, names: names)
        while !bytes.holds("---", at: at) {
            if bytes.peek(at) == 0x0A { throw Malformed(.minusEnd, at: at) }
            at += 1
        }
        at += 3
    }

    private mutating func signalNumber(_ bytes: Span<UInt8>, names: Names) -> UInt64 {
        let begin = at
        guard bytes.peek(at).startsName else { return 0 }
        let key = scanName(bytes)
        guard let id = names.find(key, in: bytes, at: begin), let number = names.outcomeNumber(of: id) else { return 0 }
        return UInt64(truncatingIfNeeded: number)
    }

    /// `<... mmap resumed>) = 0x7f…`, with any further arguments in between.
    private mutating func resumed(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        at += 5
        let begin = at
        if bytes.peek(at) == 0x3F {
            skipToEnd(bytes)
            return
        }
        guard bytes.peek(at).startsName else { throw Malformed(.call, at: at) }
        let key = scanName(bytes)
        statement.kind = .call
        statement.isResumed = true
        statement.callColumn = Int32(truncatingIfNeeded: begin - start + 1)
        try setCall(bytes, key: key, begin: begin, into: &statement, names: &names)
        isRecorded = true
        guard bytes.holds(" resumed>", at: at) else { throw Malformed(.resumedCall, at: at) }
        at += 9
        try skipArguments(bytes, into: &statement)
        try result(bytes, into: &statement, names: &names)
    }
}
