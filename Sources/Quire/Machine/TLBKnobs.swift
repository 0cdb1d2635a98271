// The knobs of the TLBs: what they look like as text, what their work costs, and the flush ceiling by its Linux path.
// The forms are in docs/tlb.md.

extension MachineConfiguration {
    /// What the TLBs look like where nobody says.
    var standardTLB: TLBGeometry { architecture == .arm64 ? .cortexA76 : .skylake }

    /// Sets `machine.tlb`: off, on, or a description.
    mutating func setTLB(_ value: String) -> Bool {
        switch value {
        case "off": tlb = false
        case "on": (tlb, tlbGeometry) = (true, nil)
        default:
            guard let parsed = TLBGeometry(value) else { return false }
            (tlb, tlbGeometry) = (true, parsed)
        }
        return true
    }
}

extension TLBGeometry {
    /// Reads `l1:64x4@4K+32x4@2M,l2:1536x12`; nil where it is none, or no TLB can be so.
    public init?(_ text: String) {
        var parts: [TLBPart] = []
        for (place, level) in text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            .enumerated()
        {
            let halves = level.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard halves.count == 2, String(Substring(halves[0])) == "l" + String(place + 1) else { return nil }
            for part in halves[1].split(separator: UInt8(ascii: "+"), omittingEmptySubsequences: false) {
                guard let part = TLBPart(part, level: place + 1) else { return nil }
                parts.append(part)
            }
        }
        self.init(parts)
    }

    /// The description that `init` reads.
    public var description: String {
        var text = ""
        for (place, part) in parts.enumerated() {
            let isFirst = place == 0 || parts[place - 1].level != part.level
            if isFirst { text += (place == 0 ? "l" : ",l") + String(part.level) + ":" } else { text += "+" }
            text += String(part.entries) + "x" + String(part.ways)
            var separator = "@"
            for shift in 0..<64 as Range<UInt64> where part.sizes >> shift & 1 != 0 {
                text += separator + TLBStatistics.name(ofSize: 1 << shift)
                separator = "/"
            }
        }
        return text
    }
}

extension TLBPart {
    /// Reads `1536x12@4K/2M`.
    fileprivate init?(_ text: Substring.UTF8View, level: Int) {
        let halves = text.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        let shape = halves[0].split(separator: UInt8(ascii: "x"), omittingEmptySubsequences: false)
        guard halves.count <= 2, shape.count == 2, let entries = number(shape[0]), let ways = number(shape[1]),
            entries <= UInt64(TLBGeometry.most.entries), ways <= entries
        else { return nil }
        var sizes: UInt64 = 0
        if halves.count == 2 {
            for size in halves[1].split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
                guard let bytes = number(size), bytes >= 4096, bytes & (bytes - 1) == 0 else { return nil }
                sizes |= 1 << UInt64(truncatingIfNeeded: bytes.trailingZeroBitCount)
            }
        }
        self.init(level: level, entries: Int(entries), ways: Int(ways), sizes: sizes)
    }
}

private func number(_ text: Substring.UTF8View) -> UInt64? { parseSize(String(Substring(text))) }

extension TLBCosts {
    /// Changes the costs that the text names, `l2:7,ipi:2000`; false where it is none.
    mutating func set(_ text: String) -> Bool {
        var changed = self
        for item in text.utf8.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let halves = item.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            guard halves.count == 2, let value = number(halves[1]), value <= 1 << 32,
                let cost = TLBCost.allCases.first(where: { $0.name == String(Substring(halves[0])) })
            else { return false }
            changed[cost] = value
        }
        self = changed
        return true
    }

    /// All costs, as `set` reads them.
    var description: String {
        TLBCost.allCases.map { $0.name + ":" + String(self[$0]) }.joined(separator: ",")
    }
}

extension Machine {
    /// What the TLBs did, and what it cost; nil where none are modelled.
    public var tlbStatistics: TLBStatistics? {
        guard let tlbs = core.tlbs else { return nil }
        var statistics = tlbs.statistics
        statistics.costs = core.settings.tlbCosts.description
        statistics.cycles = core.settings.tlbCosts.cycles(statistics) { counter in
            (0..<configuration.cpus).reduce(0) { $0 &+ cpu($1).value(of: counter) }
        }
        return statistics
    }
}
