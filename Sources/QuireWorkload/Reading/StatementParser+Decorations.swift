// What strace puts around calls: remarks, descriptors' paths, out-parameters, `<unfinished ...>`; and the arguments of
// calls that the format does not know, which need only end.

extension StatementParser {
    /// Whatever may follow an argument: `</path>`, `(deleted)`, `/* … */`, `=> {…}`, `...`.
    mutating func decorations(_ bytes: Span<UInt8>) throws(Malformed) {
        while true {
            skipBlanks(bytes)
            switch bytes.peek(at) {
            case 0x3C:
                if bytes.holds("<unfinished", at: at) { return }
                try skipAngles(bytes)
            case 0x28 where bytes.holds("(deleted)", at: at):
                at += 9
            case 0x2F where bytes.peek(at + 1) == 0x2A:
                try skipRemark(bytes)
            case 0x3D where bytes.peek(at + 1) == 0x3E:
                at += 2
                try skipArgument(bytes)
            case 0x2E where bytes.holds("...", at: at):
                at += 3
            default: return
            }
        }
    }

    /// `<unfinished ...>`; false when something else is between the angles.
    mutating func unfinished(_ bytes: Span<UInt8>, into statement: inout Statement) throws(Malformed) -> Bool {
        guard bytes.holds("<unfinished", at: at) else { return false }
        try skipAngles(bytes)
        statement.isUnfinished = true
        isRecorded = true
        // A process that ends leaves `<unfinished ...>) = ?`.
        skipBlanks(bytes)
        if bytes.peek(at) == 0x29 { at += 1 }
        return true
    }

    /// `</path>`, `<socket:[1]>`, `<TCP:[a->b]>`: to the `>` that something can follow.
    mutating func skipAngles(_ bytes: Span<UInt8>) throws(Malformed) {
        at += 1
        while true {
            let byte = bytes.peek(at)
            if byte == 0x0A { throw Malformed(.angleEnd, at: at) }
            at += 1
            if byte == 0x3E {
                switch bytes.peek(at) {
                case 0x2C, 0x29, 0x20, 0x28, 0x5D, 0x7D, 0x0A, 0x0D, 0x7C, 0x3D: return
                default: break
                }
            }
        }
    }

    /// `/* … */`, at its slash.
    mutating func skipRemark(_ bytes: Span<UInt8>) throws(Malformed) {
        at += 2
        while !(bytes.peek(at) == 0x2A && bytes.peek(at + 1) == 0x2F) {
            if bytes.peek(at) == 0x0A { throw Malformed(.commentEnd, at: at) }
            at += 1
        }
        at += 2
    }

    /// A string without keeping it, at its opening quote.
    mutating func skipString(_ bytes: Span<UInt8>) throws(Malformed) {
        at += 1
        while bytes.peek(at) != 0x22 {
            if bytes.peek(at) == 0x5C { at += 1 }
            if bytes.peek(at) == 0x0A { throw Malformed(.stringEnd, at: at) }
            at += 1
        }
        at += 1
    }

    /// Steps over one byte, string, remark or bracketed group.
    mutating func skipElement(_ bytes: Span<UInt8>) throws(Malformed) {
        switch bytes.peek(at) {
        case 0x0A: throw Malformed(.bracketEnd, at: at)
        case 0x23: throw Malformed(.bracketEnd, at: at)
        case 0x22: try skipString(bytes)
        case 0x2F where bytes.peek(at + 1) == 0x2A: try skipRemark(bytes)
        case 0x28, 0x5B, 0x7B: try skipBalanced(bytes)
        // A descriptor's path; elsewhere `<` is a plain sign.
        case 0x3C where at > start && (bytes.peek(at - 1).isDigit || bytes.holds("AT_FDCWD", at: at - 8)):
            if bytes.peek(at + 1) == 0x3C {
                at += 2
            } else {
                try skipAngles(bytes)
            }
        default: at += 1
        }
    }

    /// A group in brackets, or a string, with all within; brackets are counted, not recursed into.
    mutating func skipBalanced(_ bytes: Span<UInt8>) throws(Malformed) {
        if bytes.peek(at) == 0x22 { return try skipString(bytes) }
        var level = 0
        repeat {
            switch bytes.peek(at) {
            case 0x28, 0x5B, 0x7B:
                level += 1
                at += 1
            case 0x29, 0x5D, 0x7D:
                level -= 1
                at += 1
            default: try skipElement(bytes)
            }
        } while level > 0
    }

    /// To the `,`, `)` or closing brace that ends this argument.
    mutating func skipArgument(_ bytes: Span<UInt8>) throws(Malformed) {
        while true {
            switch bytes.peek(at) {
            case 0x2C, 0x29, 0x7D, 0x5D: return
            case 0x3C where bytes.holds("<unfinished", at: at): return
            default: try skipElement(bytes)
            }
        }
    }

    /// The arguments of a call that the format does not know, or of one that is resumed, with the `)`.
    mutating func skipArguments(_ bytes: Span<UInt8>, into statement: inout Statement) throws(Malformed) {
        while true {
            switch bytes.peek(at) {
            case 0x29:
                at += 1
                return
            case 0x3C:
                if try unfinished(bytes, into: &statement) { return }
                if bytes.holds("<... ", at: at) {
                    // `restart_syscall(<... resuming interrupted read ...>)`
                    try skipAngles(bytes)
                } else {
                    try skipElement(bytes)
                }
            case 0x5D, 0x7D: at += 1
            default: try skipElement(bytes)
            }
        }
    }
}
