// Numbers and expressions: `|` binds loosest, then `+` and `-`, then `*` and `<<`. Values are 64 bits and wrap, as
// addresses do; a literal that does not fit is an error.

extension StatementParser {
    /// An expression.
    mutating func expression(
        _ bytes: Span<UInt8>, statement: inout Statement, names: inout Names
    ) throws(Malformed) -> UInt64 {
        var value = try sum(bytes, statement: &statement, names: &names)
        while true {
            skipBlanks(bytes)
            // `||` belongs to conditions.
            guard bytes.peek(at) == 0x7C, bytes.peek(at + 1) != 0x7C else { return value }
            at += 1
            value |= try sum(bytes, statement: &statement, names: &names)
        }
    }

    private mutating func sum(
        _ bytes: Span<UInt8>, statement: inout Statement, names: inout Names
    ) throws(Malformed) -> UInt64 {
        var value = try product(bytes, statement: &statement, names: &names)
        while true {
            skipBlanks(bytes)
            switch bytes.peek(at) {
            case 0x2B:
                at += 1
                value &+= try product(bytes, statement: &statement, names: &names)
            case 0x2D:
                at += 1
                value &-= try product(bytes, statement: &statement, names: &names)
            default: return value
            }
        }
    }

    private mutating func product(
        _ bytes: Span<UInt8>, statement: inout Statement, names: inout Names
    ) throws(Malformed) -> UInt64 {
        var value = try primary(bytes, statement: &statement, names: &names)
        while true {
            skipBlanks(bytes)
            switch bytes.peek(at) {
            case 0x2A:
                at += 1
                value &*= try primary(bytes, statement: &statement, names: &names)
            case 0x3C where bytes.peek(at + 1) == 0x3C:
                at += 2
                let places = try primary(bytes, statement: &statement, names: &names)
                value = places < 64 ? value << places : 0
            case 0x2F where bytes.peek(at + 1) == 0x2A:
                try skipRemark(bytes)
            default: return value
            }
        }
    }

    private mutating func primary(
        _ bytes: Span<UInt8>, statement: inout Statement, names: inout Names
    ) throws(Malformed) -> UInt64 {
        skipBlanks(bytes)
        let byte = bytes.peek(at)
        if byte.startsName { return try named(bytes, statement: &statement, names: &names) }
        if byte.isDigit { return try number(bytes) }
        return try rarely(byte, bytes, statement: &statement, names: &names)
    }

    private mutating func rarely(
        _ byte: UInt8, _ bytes: Span<UInt8>, statement: inout Statement, names: inout Names
    ) throws(Malformed) -> UInt64 {
        try enter()
        defer { depth -= 1 }
        switch byte {
        case 0x2F where bytes.peek(at + 1) == 0x2A:
            try skipRemark(bytes)
            return try primary(bytes, statement: &statement, names: &names)
        case 0x2D:
            at += 1
            return 0 &- (try primary(bytes, statement: &statement, names: &names))
        case 0x7E:
            at += 1
            return ~(try primary(bytes, statement: &statement, names: &names))
        case 0x28:
            at += 1
            let value = try expression(bytes, statement: &statement, names: &names)
            guard take(0x29, bytes) else { throw Malformed(.closeParenthesis, at: at) }
            return value
        default:
            throw Malformed(.expression, at: at)
        }
    }

    /// One level deeper; the limit keeps hostile input off the stack's end.
    mutating func enter() throws(Malformed) {
        if depth >= StatementParser.deepest { throw Malformed(.shallowNesting, at: at) }
        depth += 1
    }

    private mutating func named(
        _ bytes: Span<UInt8>, statement: inout Statement, names: inout Names
    ) throws(Malformed) -> UInt64 {
        let begin = at
        let key = scanName(bytes)
        guard let id = names.find(key, in: bytes, at: begin) else {
            throw Malformed(key.count > Names.longest ? .shortName : .knownName, at: begin)
        }
        switch names.entries[Int(id.index)].state {
        case .free: throw Malformed(.knownName, at: begin)
        case .constant, .errorConstant, .signalConstant: break
        case .bound, .boundError, .boundSignal: statement.usesBoundNames = true
        }
        return names.entries[Int(id.index)].value
    }

    // MARK: Literals

    /// A decimal, octal (leading 0, as file modes are printed) or hexadecimal number with an optional K, M, G or T.
    @inline(__always)
    mutating func number(_ bytes: Span<UInt8>) throws(Malformed) -> UInt64 {
        let begin = at
        var value: UInt64 = 0
        var byte = bytes.peek(at)
        if byte == 0x30, bytes.peek(at &+ 1) | 0x20 == 0x78 {
            at &+= 2
            var digit = bytes.peek(at).hexValue
            if digit > 15 { throw Malformed(.numberEnd, at: at - 1) }
            repeat {
                if value >> 60 != 0 { throw Malformed(.smallNumber, at: begin) }
                value = value &<< 4 | UInt64(digit)
                at &+= 1
                byte = bytes.peek(at)
                digit = byte.hexValue
            } while digit <= 15
        } else if byte == 0x30 {
            value = try octal(bytes)
            byte = bytes.peek(at)
        } else {
            while byte.isDigit {
                // 1844674407370955161 tens fit for certain; the last step looks.
                if value >= 1_844_674_407_370_955_161 {
                    let (tens, over) = value.multipliedReportingOverflow(by: 10)
                    let (sum, carry) = tens.addingReportingOverflow(UInt64(byte &- 0x30))
                    if over || carry { throw Malformed(.smallNumber, at: begin) }
                    value = sum
                } else {
                    value = value &* 10 &+ UInt64(byte &- 0x30)
                }
                at &+= 1
                byte = bytes.peek(at)
            }
        }
        if byte.isInName { return try suffixed(value, byte, begin, bytes) }
        return value
    }

    private mutating func octal(_ bytes: Span<UInt8>) throws(Malformed) -> UInt64 {
        let begin = at
        var value: UInt64 = 0
        while bytes.peek(at) &- 0x30 < 8 {
            if value >> 61 != 0 { throw Malformed(.smallNumber, at: begin) }
            value = value << 3 | UInt64(bytes.peek(at) &- 0x30)
            at += 1
        }
        return value
    }

    private mutating func suffixed(
        _ value: UInt64, _ byte: UInt8, _ begin: Int, _ bytes: Span<UInt8>
    ) throws(Malformed) -> UInt64 {
        let shift: UInt64
        switch byte {
        case 0x4B: shift = 10
        case 0x4D: shift = 20
        case 0x47: shift = 30
        case 0x54: shift = 40
        default: throw Malformed(.numberEnd, at: at)
        }
        at += 1
        if bytes.peek(at).isInName { throw Malformed(.numberEnd, at: at) }
        if value != 0 && value.leadingZeroBitCount < Int(shift) { throw Malformed(.smallNumber, at: begin) }
        return value << shift
    }
}
