// The arguments of a call that the format knows: numbers, strings, structures, words; and what a tracer prints in
// their place. Strings are unescaped into the statement, members of structures are put side by side.

extension StatementParser {
    /// Everything behind `(`, with the `)`; or up to `<unfinished ...>`.
    mutating func arguments(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        skipBlanks(bytes)
        if bytes.peek(at) == 0x29 {
            at &+= 1
            return
        }
        while true {
            skipBlanks(bytes)
            let byte = bytes.peek(at)
            if byte == 0x3C, try unfinished(bytes, into: &statement) { return }
            if statement.argumentCount == Statement.mostArguments { throw Malformed(.fewArguments, at: at) }
            try argument(byte, bytes, into: &statement, names: &names)
            var next = bytes.peek(at)
            if next != 0x2C && next != 0x29 {
                try decorations(bytes)
                next = bytes.peek(at)
                if next == 0x3C, try unfinished(bytes, into: &statement) { return }
            }
            if next == 0x29 {
                at &+= 1
                return
            }
            if next != 0x2C { throw pending ?? Malformed(.argumentEnd, at: at) }
            at &+= 1
        }
    }

    @inline(__always)
    private mutating func argument(
        _ byte: UInt8, _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        var argument = Statement.Argument(
            value: .omitted, column: Int32(truncatingIfNeeded: at &- start &+ 1), name: nil)
        if byte.isDigit {
            let value = try number(bytes)
            let next = bytes.peek(at)
            if next == 0x2C || next == 0x29 {
                // Most arguments of a recording end here.
                argument.value = .integer(value)
                statement.storage[statement.argumentCount] = argument
                statement.argumentCount &+= 1
                return
            }
            at = start &+ Int(argument.column) &- 1
        }
        try other(byte, bytes, &argument, into: &statement, names: &names)
        statement.storage[statement.argumentCount] = argument
        statement.argumentCount &+= 1
    }

    private mutating func other(
        _ byte: UInt8, _ bytes: Span<UInt8>, _ argument: inout Statement.Argument,
        into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        var byte = byte
        // Words and arguments' names are in small letters, so flags take no second look.
        if byte &- 0x61 < 26 {
            let begin = at
            let key = scanName(bytes)
            if statement.call == .run && statement.argumentCount == 0 {
                argument.value = .word(try intern(key, bytes, begin, &names))
                return
            }
            if bytes.peek(at) == 0x3D {
                argument.name = try intern(key, bytes, begin, &names)
                at += 1
                byte = bytes.peek(at)
            } else {
                at = begin
            }
        }
        switch byte {
        case 0x22:
            argument.value = .string(try string(bytes, into: &statement))
        case 0x7B:
            argument.value = .structure(try structure(bytes, into: &statement, names: &names))
        case 0x5B where statement.call == .processMadvise:
            argument.value = .structure(try structures(bytes, into: &statement, names: &names))
        case 0x5B:
            try skipBalanced(bytes)
        default:
            let begin = at
            do throws(Malformed) {
                argument.value = .integer(try expression(bytes, statement: &statement, names: &names))
            } catch {
                // Whether that is an error is known at the end of the line.
                guard statement.call.hasForeignArguments, error.reason != .shallowNesting else { throw error }
                if pending == nil { pending = error }
                at = begin
                depth = 0
                try skipArgument(bytes)
            }
        }
    }

    func intern(
        _ key: NameKey, _ bytes: Span<UInt8>, _ begin: Int, _ names: inout Names
    ) throws(Malformed) -> NameID {
        guard let id = names.intern(key, in: bytes, at: begin) else {
            throw Malformed(key.count > Names.longest ? .shortName : .fewNames, at: begin)
        }
        return id
    }

    // MARK: Strings

    /// A string in the notation of C, at its opening quote.
    mutating func string(
        _ bytes: Span<UInt8>, into statement: inout Statement
    ) throws(Malformed) -> Statement.Text {
        at += 1
        let begin = statement.text.count
        while true {
            let byte = bytes.peek(at)
            if byte == 0x22 { break }
            if byte == 0x0A { throw Malformed(.stringEnd, at: at) }
            at += 1
            statement.text.append(byte == 0x5C ? try escape(bytes) : byte)
        }
        at += 1
        var text = Statement.Text(
            start: Int32(truncatingIfNeeded: begin), count: Int32(truncatingIfNeeded: statement.text.count - begin))
        if bytes.holds("...", at: at) {
            at += 3
            text.isTruncated = true
        }
        return text
    }

    private mutating func escape(_ bytes: Span<UInt8>) throws(Malformed) -> UInt8 {
        let byte = bytes.peek(at)
        if byte == 0x0A { throw Malformed(.stringEnd, at: at) }
        if byte &- 0x30 < 8 {
            var value: UInt8 = 0
            var digits = 0
            while digits < 3, bytes.peek(at) &- 0x30 < 8 {
                value = value &<< 3 | (bytes.peek(at) &- 0x30)
                at += 1
                digits += 1
            }
            return value
        }
        at += 1
        switch byte {
        case 0x6E: return 0x0A
        case 0x74: return 0x09
        case 0x72: return 0x0D
        case 0x76: return 0x0B
        case 0x66: return 0x0C
        case 0x61: return 0x07
        case 0x62: return 0x08
        case 0x78:
            var value = bytes.peek(at).hexValue
            if value > 15 { throw Malformed(.hexEscape, at: at) }
            at += 1
            let low = bytes.peek(at).hexValue
            if low <= 15 {
                value = value &<< 4 | low
                at += 1
            }
            return value
        default: return byte
        }
    }

    // MARK: Structures

    /// `{name=value, …}`, at its brace.
    mutating func structure(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) -> Statement.Fields {
        let begin = statement.fields.count
        try members(bytes, into: &statement, names: &names)
        return Statement.Fields(
            start: Int32(truncatingIfNeeded: begin), count: Int32(truncatingIfNeeded: statement.fields.count - begin))
    }

    /// `[{…}, {…}]`, at its bracket: the vectors of process_madvise.
    private mutating func structures(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) -> Statement.Fields {
        let begin = statement.fields.count
        at += 1
        skipBlanks(bytes)
        while bytes.peek(at) == 0x7B {
            try members(bytes, into: &statement, names: &names)
            if !take(0x2C, bytes) { break }
            skipBlanks(bytes)
        }
        if bytes.holds("...", at: at) { at += 3 }
        guard take(0x5D, bytes) else { throw Malformed(.bracketEnd, at: at) }
        return Statement.Fields(
            start: Int32(truncatingIfNeeded: begin), count: Int32(truncatingIfNeeded: statement.fields.count - begin))
    }

    private mutating func members(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        try enter()
        at += 1
        while !take(0x7D, bytes) {
            if bytes.holds("...", at: at) {
                at += 3
            } else if !bytes.holds("=>", at: at) {
                try member(bytes, into: &statement, names: &names)
            }
            skipBlanks(bytes)
            while bytes.holds("/*", at: at) {
                try skipRemark(bytes)
                skipBlanks(bytes)
            }
            if bytes.holds("=>", at: at) {
                // What the kernel wrote into the structure.
                while bytes.peek(at) != 0x7D && bytes.peek(at) != 0x0A { try skipElement(bytes) }
            }
            if take(0x2C, bytes) {
                skipBlanks(bytes)
                if bytes.peek(at) != 0x7D { continue }
            }
            guard bytes.peek(at) == 0x7D else { throw pending ?? Malformed(.structureEnd, at: at) }
        }
        depth -= 1
    }

    private mutating func member(
        _ bytes: Span<UInt8>, into statement: inout Statement, names: inout Names
    ) throws(Malformed) {
        skipBlanks(bytes)
        let begin = at
        guard bytes.peek(at).startsName else {
            // A member that the tracer prints without a name.
            if statement.call.hasForeignArguments {
                if pending == nil { pending = Malformed(.fieldName, at: at) }
                try skipArgument(bytes)
                return
            }
            throw Malformed(.fieldName, at: at)
        }
        let name = try intern(scanName(bytes), bytes, begin, &names)
        guard take(0x3D, bytes) else {
            guard statement.call.hasForeignArguments else { throw Malformed(.fieldEquals, at: at) }
            if pending == nil { pending = Malformed(.fieldEquals, at: at) }
            try skipArgument(bytes)
            return
        }
        skipBlanks(bytes)
        let value = at
        switch bytes.peek(at) {
        case 0x7B:
            try members(bytes, into: &statement, names: &names)
        case 0x22, 0x5B:
            try skipBalanced(bytes)
            statement.fields.append(Statement.Field(name: name, value: nil))
        default:
            let level = depth
            do throws(Malformed) {
                let number = try expression(bytes, statement: &statement, names: &names)
                statement.fields.append(Statement.Field(name: name, value: number))
            } catch {
                guard statement.call.hasForeignArguments, error.reason != .shallowNesting else { throw error }
                if pending == nil { pending = error }
                at = value
                depth = level
                try skipArgument(bytes)
                statement.fields.append(Statement.Field(name: name, value: nil))
            }
        }
    }
}
