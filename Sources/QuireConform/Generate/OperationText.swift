// Operations as lines of a workload file, and back. Addresses are hexadecimal, lengths too, flags by their names: a
// person is going to read what a hunt found.

extension Operation {
    /// The line, without a line feed.
    public var line: String {
        var text = process == 0 ? "" : "[c\(process)] "
        let values = arguments
        func flags(_ index: Int, _ names: [(String, UInt64)]) -> String { Self.flags(argument(index), names) }
        switch call {
        case .fork: return text + "c\(argument(0)) = fork()"
        case .exit: return text + "exit(0)"
        case .memfd: return text + "memfd_create(\"conform\", MFD_CLOEXEC)"
        case .mmap:
            let fd = argument(3) & MapBits.anonymous != 0 ? "-1" : String(argument(4))
            text += "mmap(\(hex(argument(0))), \(hex(argument(1))), \(flags(2, Self.rights)), "
            return text + "\(flags(3, Self.mapFlags)), \(fd), \(hex(argument(5))))"
        case .mprotect:
            return text + "mprotect(\(hex(argument(0))), \(hex(argument(1))), \(flags(2, Self.rights)))"
        case .mremap:
            text += "mremap(\(hex(argument(0))), \(hex(argument(1))), \(hex(argument(2))), \(flags(3, Self.remapFlags))"
            return text + (values.count > 4 ? ", \(hex(argument(4))))" : ")")
        case .madvise:
            let name = Self.advice.first { $0.1 == argument(2) }?.0 ?? String(argument(2))
            return text + "madvise(\(hex(argument(0))), \(hex(argument(1))), \(name))"
        case .store: return text + "store(\(hex(argument(0))), \(argument(1)), \(argument(2)))"
        case .load: return text + "load(\(hex(argument(0))), \(argument(1)))"
        case .ftruncate: return text + "ftruncate(\(argument(0)), \(hex(argument(1))))"
        case .mlock2: return text + "mlock2(\(hex(argument(0))), \(hex(argument(1))), \(argument(2)))"
        case .munmap, .mlock, .munlock, .mincore, .touchWrite, .touchRead:
            return text + "\(call.rawValue)(\(hex(argument(0))), \(hex(argument(1))))"
        }
    }

    /// Reads a line that `line` printed; nil for any other.
    public init?(line: String) {
        var rest = line[...]
        process = 0
        if rest.hasPrefix("[c"), let close = rest.firstIndex(of: "]") {
            guard let number = Int(rest[..<close].dropFirst(2)) else { return nil }
            process = number
            rest = rest[rest.index(after: close)...].drop { $0 == " " }
        }
        if rest.hasPrefix("c"), let equals = rest.firstIndex(of: "="), rest[equals...].hasPrefix("= fork()") {
            guard let child = UInt64(rest[..<equals].dropFirst().filter { $0 != " " }) else { return nil }
            call = .fork
            arguments = [child]
            return
        }
        guard let open = rest.firstIndex(of: "("), let close = rest.lastIndex(of: ")"),
            let call = OperationCall(rawValue: String(rest[..<open]))
        else { return nil }
        self.call = call
        arguments = []
        if call == .memfd || call == .exit { return }
        for word in rest[rest.index(after: open)..<close].split(separator: ",") {
            guard let value = Self.value(String(word.filter { $0 != " " })) else { return nil }
            arguments.append(value)
        }
    }

    // MARK: Names

    static let rights: [(String, UInt64)] = [
        ("PROT_READ", 1), ("PROT_WRITE", 2), ("PROT_EXEC", 4), ("PROT_GROWSDOWN", 0x0100_0000),
        ("PROT_GROWSUP", 0x0200_0000),
    ]
    static let mapFlags: [(String, UInt64)] = [
        ("MAP_SHARED", 1), ("MAP_PRIVATE", 2), ("MAP_FIXED", 0x10), ("MAP_ANONYMOUS", 0x20), ("MAP_GROWSDOWN", 0x100),
        ("MAP_LOCKED", 0x2000), ("MAP_NORESERVE", 0x4000), ("MAP_POPULATE", 0x8000), ("MAP_NONBLOCK", 0x10000),
        ("MAP_STACK", 0x20000), ("MAP_FIXED_NOREPLACE", 0x100000),
    ]
    static let remapFlags: [(String, UInt64)] = [("MREMAP_MAYMOVE", 1), ("MREMAP_FIXED", 2), ("MREMAP_DONTUNMAP", 4)]
    static let advice: [(String, UInt64)] = [
        ("MADV_NORMAL", 0), ("MADV_RANDOM", 1), ("MADV_SEQUENTIAL", 2), ("MADV_WILLNEED", 3), ("MADV_DONTNEED", 4),
        ("MADV_FREE", 8), ("MADV_DONTFORK", 10), ("MADV_DOFORK", 11), ("MADV_MERGEABLE", 12),
        ("MADV_UNMERGEABLE", 13), ("MADV_HUGEPAGE", 14), ("MADV_NOHUGEPAGE", 15), ("MADV_DONTDUMP", 16),
        ("MADV_DODUMP", 17), ("MADV_WIPEONFORK", 18), ("MADV_KEEPONFORK", 19), ("MADV_COLD", 20),
        ("MADV_PAGEOUT", 21), ("MADV_POPULATE_READ", 22), ("MADV_POPULATE_WRITE", 23), ("MADV_DONTNEED_LOCKED", 24),
        ("MADV_GUARD_INSTALL", 102), ("MADV_GUARD_REMOVE", 103),
    ]

    private static func flags(_ value: UInt64, _ names: [(String, UInt64)]) -> String {
        var rest = value
        var words: [String] = []
        for (name, bit) in names where rest & bit != 0 {
            words.append(name)
            rest &= ~bit
        }
        if rest != 0 { words.append(hex(rest)) }
        if words.isEmpty { return names.first?.0 == "PROT_READ" ? "PROT_NONE" : "0" }
        return words.joined(separator: "|")
    }

    private static func value(_ text: String) -> UInt64? {
        var sum: UInt64 = 0
        for word in text.split(separator: "|") {
            if word == "PROT_NONE" { continue }
            if word == "-1" {
                sum = .max
            } else if word.hasPrefix("0x"), let number = UInt64(word.dropFirst(2), radix: 16) {
                sum |= number
            } else if let number = UInt64(word) {
                sum |= number
            } else if let known = (rights + mapFlags + remapFlags + advice).first(where: { $0.0 == word }) {
                sum |= known.1
            } else {
                return nil
            }
        }
        return sum
    }
}

/// Operations as a workload file with a comment at its head.
public func workloadText(_ operations: [Operation], comment: String = "") -> String {
    let head = comment.split(separator: "\n").reduce("") { $0 + "# \($1)\n" }
    return runnable(operations).reduce(head) { $0 + $1.line + "\n" }
}

/// The operations of a workload file that this module wrote; nil where there is another line in it.
public func readOperations(_ text: String) -> [Operation]? {
    var operations: [Operation] = []
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        guard let operation = Operation(line: String(line)) else { return nil }
        operations.append(operation)
    }
    return operations
}
