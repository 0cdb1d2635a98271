// What is found where something else was expected, in words: quoted, short, and printable whatever the input holds.

extension Malformed {
    /// The error as it is shown, with file, line and column.
    func described(_ bytes: Span<UInt8>, from start: Int, file: String, line: Int, names: Names) -> ParseError {
        let (found, word) = found(bytes)
        var message = "expected \(reason.expected), found \(found)"
        if reason == .knownName, let word {
            let near = names.near(word)
            if !near.isEmpty { message += " (near: \(near.joined(separator: ", ")))" }
        }
        return ParseError(file: file, line: line, column: max(at - start, 0) + 1, message: message)
    }

    /// The thing at the place: a name or number as a whole, any other byte by itself.
    private func found(_ bytes: Span<UInt8>) -> (shown: String, word: String?) {
        let byte = bytes.peek(at)
        if byte.endsLine { return ("the end of the line", nil) }
        if byte == 0x23 { return ("the comment", nil) }
        guard byte.isInName else {
            if byte < 0x20 || byte > 0x7E { return ("the byte 0x" + String(byte, radix: 16), nil) }
            return ("'\(Character(Unicode.Scalar(byte)))'", nil)
        }
        var word = ""
        var index = at
        while bytes.peek(index).isInName && word.utf8.count < Names.longest + 1 {
            word.unicodeScalars.append(Unicode.Scalar(bytes.peek(index)))
            index += 1
        }
        return word.utf8.count > 40 ? ("'\(word.prefix(40))…'", word) : ("'\(word)'", word)
    }
}
