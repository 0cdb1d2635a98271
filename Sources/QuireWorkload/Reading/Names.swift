// The names of a workload: calls, constants, and what the file binds with `x = call(…)`, all in one open-addressing
// table keyed by the name's bytes. A name of up to 16 bytes is its own key, as two words; longer ones also compare
// their bytes. One run has one `Names`; several machines run in step over one input each have their own.

/// A name that a `Names` has given a number.
public struct NameID: Hashable, Sendable {
    let index: UInt32
}

/// What a name stands for: the result of the call that bound it, or a constant.
public enum Binding: Hashable, Sendable {
    /// The call's result.
    case value(UInt64)
    /// The call failed with this error number; in expressions the name is -1.
    case error(Int32)
    /// The access ended in this signal; in expressions the name is -1.
    case signal(Int32)
}

/// Interns the names of one run and holds what they are bound to.
///
/// Looking a name up costs one hash of two words and, nearly always, one probe. At most `Names.most` names of at most
/// `Names.longest` bytes are kept, so that a hostile file cannot take memory without bound.
public struct Names: Sendable {
    static let longest = 63
    static let most = 1 << 18

    struct Entry {
        var key: NameKey
        var start: Int
        var value: UInt64
        var state: State
        var call: CallName?
        /// Number of the error or signal, where the name is such a constant or was bound to such an outcome.
        var outcome: Int32
    }

    enum State: UInt8 {
        /// Seen, but nothing is bound to it.
        case free
        /// A C constant, an error's or a signal's name.
        case constant, errorConstant, signalConstant
        /// Bound by the file, to a result, an error or a signal.
        case bound, boundError, boundSignal
    }

    var entries: ContiguousArray<Entry> = []
    private var slots: ContiguousArray<UInt32>
    private var bytes: ContiguousArray<UInt8> = []

    /// A table that knows the calls and the C constants.
    public init() {
        slots = ContiguousArray(repeating: 0, count: 2048)
        for (name, call) in CallName.known {
            let id = internKnown(name)
            entries[Int(id.index)].call = call
        }
        for text in [Constants.memory, Constants.files, Constants.processes, Constants.tracking] {
            addConstants(text, state: .constant)
        }
        addConstants(Constants.signals, state: .signalConstant)
        addConstants(Constants.errors, state: .errorConstant)
    }

    private mutating func addConstants(_ text: String, state: State) {
        for item in text.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            let parts = item.split(separator: "=")
            let number = parts[1].hasPrefix("0x") ? UInt64(parts[1].dropFirst(2), radix: 16) : UInt64(parts[1])
            let id = internKnown(String(parts[0]))
            entries[Int(id.index)].value = number ?? 0
            entries[Int(id.index)].outcome = state == .constant ? 0 : Int32(truncatingIfNeeded: number ?? 0)
            entries[Int(id.index)].state = state
        }
    }

    private mutating func internKnown(_ name: String) -> NameID {
        // The names of this package's own tables are short and few.
        intern(name) ?? NameID(index: 0)
    }

    // MARK: Finding

    /// The entry of a key read at `start` of `source`, if there is one.
    @inline(__always)
    func find(_ key: NameKey, in source: Span<UInt8>, at start: Int) -> NameID? {
        let mask = slots.count &- 1
        var slot = Int(truncatingIfNeeded: key.hash) & mask
        while true {
            let found = slots[slot]
            if found == 0 { return nil }
            let index = Int(found &- 1)
            if entries[index].key == key && (key.count <= 16 || sameTail(entries[index], source, start)) {
                return NameID(index: found &- 1)
            }
            slot = (slot &+ 1) & mask
        }
    }

    private func sameTail(_ entry: Entry, _ source: Span<UInt8>, _ start: Int) -> Bool {
        for offset in 16..<entry.key.count where bytes[entry.start + offset] != source[start + offset] { return false }
        return true
    }

    /// The number of a name, given now if it has none. Nil when there are too many names.
    mutating func intern(_ key: NameKey, in source: Span<UInt8>, at start: Int) -> NameID? {
        if let id = find(key, in: source, at: start) { return id }
        guard entries.count < Names.most, key.count <= Names.longest else { return nil }
        if (entries.count + 1) * 2 > slots.count { grow() }
        let entry = Entry(key: key, start: bytes.count, value: 0, state: .free, call: nil, outcome: 0)
        for offset in 0..<key.count { bytes.append(source[start + offset]) }
        entries.append(entry)
        insert(UInt32(entries.count), key: key)
        return NameID(index: UInt32(entries.count - 1))
    }

    /// The number of a name, given now if it has none. Nil when the name is too long or there are too many.
    public mutating func intern(_ name: String) -> NameID? {
        let text = ContiguousArray(name.utf8)
        guard !text.isEmpty else { return nil }
        return intern(NameKey(all: text.span), in: text.span, at: 0)
    }

    private mutating func insert(_ number: UInt32, key: NameKey) {
        var slot = Int(truncatingIfNeeded: key.hash) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = number
    }

    private mutating func grow() {
        slots = ContiguousArray(repeating: 0, count: slots.count * 2)
        for (index, entry) in entries.enumerated() { insert(UInt32(index + 1), key: entry.key) }
    }

    // MARK: Text

    /// The text of a name.
    public subscript(text id: NameID) -> String {
        guard let entry = entry(id) else { return "?" }
        return String(decoding: bytes[entry.start..<entry.start + entry.key.count], as: UTF8.self)
    }

    func entry(_ id: NameID) -> Entry? {
        Int(id.index) < entries.count ? entries[Int(id.index)] : nil
    }

    /// The text of a call, known or not.
    public func text(of call: CallName) -> String {
        if case .unknown(let id) = call { return self[text: id] }
        // Calls are interned first, in the order of the list.
        return CallName.known.first { $0.call == call }?.name ?? "?"
    }
}
