// From the text of a condition to its postfix list, by recursive descent with a limit on the depth. Precedence is C's
// where C's is what people expect: `||`, `&&`, comparison, then the arithmetic of arguments.

extension Condition {
    struct Compiler {
        var at: Int
        let end: Int
        var depth = 0
        var output: [Operation] = []

        init(at: Int, end: Int) {
            self.at = at
            self.end = end
        }

        mutating func compile(_ bytes: Span<UInt8>, names: inout Names) throws(Malformed) -> [Operation] {
            skipBlanks(bytes)
            if at >= end { throw Malformed(.condition, at: at) }
            try alternatives(bytes, &names)
            skipBlanks(bytes)
            if at < end { throw Malformed(.expressionEnd, at: at) }
            return output
        }

        private mutating func enter() throws(Malformed) {
            if depth >= StatementParser.deepest { throw Malformed(.shallowNesting, at: at) }
            depth += 1
        }

        private mutating func skipBlanks(_ bytes: Span<UInt8>) {
            while at < end && bytes.peek(at).isBlank { at += 1 }
        }

        private func peek(_ bytes: Span<UInt8>, _ offset: Int = 0) -> UInt8 {
            at + offset < end ? bytes.peek(at + offset) : 0x0A
        }

        private mutating func takePair(_ byte: UInt8, _ bytes: Span<UInt8>) -> Bool {
            skipBlanks(bytes)
            guard peek(bytes) == byte && peek(bytes, 1) == byte else { return false }
            at += 2
            return true
        }

        private mutating func alternatives(_ bytes: Span<UInt8>, _ names: inout Names) throws(Malformed) {
            try all(bytes, &names)
            while takePair(0x7C, bytes) {
                try all(bytes, &names)
                output.append(.or)
            }
        }

        private mutating func all(_ bytes: Span<UInt8>, _ names: inout Names) throws(Malformed) {
            try comparison(bytes, &names)
            while takePair(0x26, bytes) {
                try comparison(bytes, &names)
                output.append(.and)
            }
        }

        /// A comparison, or a value that is true unless it is 0.
        private mutating func comparison(_ bytes: Span<UInt8>, _ names: inout Names) throws(Malformed) {
            let first = output.count
            try sum(bytes, &names)
            skipBlanks(bytes)
            let operators = (peek(bytes), peek(bytes, 1))
            let comparison: Comparison
            switch operators {
            case (0x3D, 0x3D): comparison = .equal
            case (0x21, 0x3D): comparison = .unequal
            case (0x3C, 0x3D): comparison = .lessOrEqual
            case (0x3E, 0x3D): comparison = .greaterOrEqual
            case (0x3C, _): comparison = .less
            case (0x3E, _): comparison = .greater
            case (0x3D, _): throw Malformed(.comparison, at: at)
            default: return
            }
            at += operators.1 == 0x3D ? 2 : 1
            let second = output.count
            try sum(bytes, &names)
            if comparison == .equal || comparison == .unequal,
                outcome(first, second, names, equal: comparison == .equal)
            {
                return
            }
            output.append(.compare(comparison))
        }

        /// Turns `r == SIGBUS` into a question about how `r` ended.
        private mutating func outcome(_ first: Int, _ second: Int, _ names: Names, equal: Bool) -> Bool {
            guard second == first + 1, output.count == second + 1, case .name(let left) = output[first],
                case .name(let right) = output[second]
            else { return false }
            if names.outcomeNumber(of: right) != nil {
                output.removeLast(2)
                output.append(.ended(left, as: right, equal: equal))
                return true
            }
            if names.outcomeNumber(of: left) != nil {
                output.removeLast(2)
                output.append(.ended(right, as: left, equal: equal))
                return true
            }
            return false
        }

        private mutating func sum(_ bytes: Span<UInt8>, _ names: inout Names) throws(Malformed) {
            try operand(bytes, &names)
            while true {
                skipBlanks(bytes)
                let operation: Operation
                switch peek(bytes) {
                case 0x2B: operation = .add
                case 0x2D: operation = .subtract
                case 0x7C where peek(bytes, 1) != 0x7C: operation = .combine
                default: return
                }
                at += 1
                try operand(bytes, &names)
                output.append(operation)
            }
        }

        private mutating func operand(_ bytes: Span<UInt8>, _ names: inout Names) throws(Malformed) {
            try factor(bytes, &names)
            while true {
                skipBlanks(bytes)
                guard peek(bytes) == 0x2A else { return }
                at += 1
                try factor(bytes, &names)
                output.append(.multiply)
            }
        }

        private mutating func factor(_ bytes: Span<UInt8>, _ names: inout Names) throws(Malformed) {
            skipBlanks(bytes)
            try enter()
            defer { depth -= 1 }
            let byte = peek(bytes)
            if byte == 0x28 {
                at += 1
                try alternatives(bytes, &names)
                skipBlanks(bytes)
                guard peek(bytes) == 0x29 else { throw Malformed(.closeParenthesis, at: at) }
                at += 1
            } else if byte == 0x21 {
                at += 1
                try factor(bytes, &names)
                output.append(.not)
            } else if byte == 0x2D {
                at += 1
                try factor(bytes, &names)
                output.append(.negate)
            } else {
                try value(byte, bytes, &names)
            }
        }

        private mutating func value(
            _ byte: UInt8, _ bytes: Span<UInt8>, _ names: inout Names
        ) throws(Malformed) {
            var scanner = StatementParser()
            scanner.at = at
            if byte.isDigit {
                output.append(.constant(try scanner.number(bytes)))
            } else if byte.startsName {
                let begin = at
                let key = scanner.scanName(bytes)
                guard let id = names.find(key, in: bytes, at: begin), names.entry(id)?.state != .free else {
                    throw Malformed(.knownName, at: begin)
                }
                output.append(.name(id))
            } else {
                throw Malformed(.expression, at: at)
            }
            at = scanner.at
        }
    }
}
