// Binding names and looking their values up; and the names that a mistyped one may have meant.

extension Names {
    /// Binds a name to a result. A constant of the same name is hidden from then on.
    public mutating func bind(_ id: NameID, to binding: Binding) {
        let index = Int(id.index)
        guard index < entries.count else { return }
        switch binding {
        case .value(let value):
            entries[index].value = value
            entries[index].state = .bound
        case .error(let number):
            entries[index].value = .max
            entries[index].outcome = number
            entries[index].state = .boundError
        case .signal(let number):
            entries[index].value = .max
            entries[index].outcome = number
            entries[index].state = .boundSignal
        }
    }

    /// What a name stands for: what the file bound to it, else the constant, else nil.
    public func binding(of id: NameID) -> Binding? {
        guard let entry = entry(id) else { return nil }
        switch entry.state {
        case .free: return nil
        case .constant, .bound, .errorConstant, .signalConstant: return .value(entry.value)
        case .boundError: return .error(entry.outcome)
        case .boundSignal: return .signal(entry.outcome)
        }
    }

    /// The number of an error's or a signal's name, nil for any other name.
    public func outcomeNumber(of id: NameID) -> Int32? {
        guard let entry = entry(id) else { return nil }
        return entry.state == .errorConstant || entry.state == .signalConstant ? entry.outcome : nil
    }

    /// Makes a name usable before its call has run: for checking a parallel block's lines without running them.
    mutating func declare(_ id: NameID) {
        if entries[Int(id.index)].state == .free { entries[Int(id.index)].state = .bound }
    }

    /// Takes back what `declare` did: nothing is bound to the name until its call has run.
    mutating func withdraw(_ id: NameID) {
        if entries[Int(id.index)].state == .bound { entries[Int(id.index)].state = .free }
    }

    /// Has a name stand for what it stands for in another table of the same names.
    mutating func restore(_ id: NameID, from other: Names) { entries[Int(id.index)] = other.entries[Int(id.index)] }

    /// Up to three usable names that differ from `name` by at most two edits, nearest first.
    public func near(_ name: String) -> [String] {
        let wanted = Array(name.utf8)
        guard wanted.count <= Names.longest else { return [] }
        // Short names are near to everything.
        let limit = wanted.count <= 2 ? 0 : wanted.count <= 4 ? 1 : 2
        var found: [(distance: Int, name: String)] = []
        // Enough for the constants and what people write by hand; a hostile file's names are not worth the time.
        for index in entries.indices.prefix(4096) where entries[index].state != .free {
            guard abs(entries[index].key.count - wanted.count) <= limit else { continue }
            let text = self[text: NameID(index: UInt32(index))]
            let distance = Names.distance(wanted, Array(text.utf8))
            if distance > 0 && distance <= limit && !text.hasPrefix("_") { found.append((distance, text)) }
        }
        return found.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }.prefix(3).map(\.name)
    }

    /// Levenshtein's distance, letters compared without case.
    static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let same = left == right || (left.isLetter && left | 0x20 == right | 0x20)
                let best = min(diagonal + (same ? 0 : 1), row[j] + 1, row[j + 1] + 1)
                diagonal = row[j + 1]
                row[j + 1] = best
            }
        }
        return row[b.count]
    }
}
