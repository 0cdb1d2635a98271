// The conditions of `expect` and `never`: comparisons of bound results, joined by `&&`, `||` and `!`. A condition is
// compiled once, to a list in postfix order, because an explorer asks it after each of very many outcomes.

/// A condition on results, as in `r1 == 0x07 && r2 != SIGBUS`.
///
/// A comparison with the name of an error or a signal looks at how the call ended, not at its value: an access that read
/// 7 is not equal to `SIGBUS`. In arithmetic a failed call counts as -1.
public struct Condition: Sendable {
    enum Operation: Hashable, Sendable {
        case constant(UInt64)
        case name(NameID)
        case add, subtract, multiply, combine, negate
        /// Compares the two values on top.
        case compare(Comparison)
        /// Compares how the call of a name ended with an error or a signal.
        case ended(NameID, as: NameID, equal: Bool)
        case and, or, not
    }

    enum Comparison: UInt8, Sendable { case equal, unequal, less, lessOrEqual, greater, greaterOrEqual }

    var operations: [Operation]

    /// Compiles a condition. Throws a `ParseError` whose column counts within the text.
    public init(_ text: String, names: inout Names, file: String = "condition", line: Int = 1) throws(ParseError) {
        let bytes = ContiguousArray(text.utf8)
        var compiler = Compiler(at: 0, end: bytes.count)
        do throws(Malformed) {
            operations = try compiler.compile(bytes.span, names: &names)
        } catch {
            throw error.described(bytes.span, from: 0, file: file, line: line, names: names)
        }
    }

    /// The names that it asks for, in their order; constants too, but not what an ending is compared with.
    var names: [NameID] {
        operations.compactMap { operation in
            switch operation {
            case .name(let id), .ended(let id, _, _): id
            default: nil
            }
        }
    }

    /// Whether it holds; nil while a name in it is not bound.
    public func holds(_ names: Names) -> Bool? {
        var stack: [UInt64] = []
        stack.reserveCapacity(16)
        func pop() -> UInt64 { stack.popLast() ?? 0 }
        for operation in operations {
            switch operation {
            case .constant(let value): stack.append(value)
            case .name(let id):
                guard let binding = names.binding(of: id) else { return nil }
                if case .value(let value) = binding { stack.append(value) } else { stack.append(.max) }
            case .negate: stack.append(0 &- pop())
            case .not: stack.append(pop() == 0 ? 1 : 0)
            case .ended(let id, let other, let equal):
                guard let binding = names.binding(of: id) else { return nil }
                stack.append(binding.isOutcome(other, names) == equal ? 1 : 0)
            default:
                let right = pop()
                let left = pop()
                stack.append(operation.apply(left, right))
            }
        }
        return pop() != 0
    }
}

extension Condition.Operation {
    func apply(_ left: UInt64, _ right: UInt64) -> UInt64 {
        switch self {
        case .add: left &+ right
        case .subtract: left &- right
        case .multiply: left &* right
        case .combine: left | right
        case .and: left != 0 && right != 0 ? 1 : 0
        case .or: left != 0 || right != 0 ? 1 : 0
        case .compare(let comparison): comparison.holds(left, right) ? 1 : 0
        default: 0
        }
    }
}

extension Condition.Comparison {
    func holds(_ left: UInt64, _ right: UInt64) -> Bool {
        switch self {
        case .equal: left == right
        case .unequal: left != right
        case .less: left < right
        case .lessOrEqual: left <= right
        case .greater: left > right
        case .greaterOrEqual: left >= right
        }
    }
}

extension Binding {
    func isOutcome(_ name: NameID, _ names: Names) -> Bool {
        guard let entry = names.entry(name) else { return false }
        switch self {
        case .value: return false
        case .error(let number): return entry.state == .errorConstant && entry.outcome == number
        case .signal(let number): return entry.state == .signalConstant && entry.outcome == number
        }
    }
}
