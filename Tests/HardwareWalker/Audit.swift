// Every entry of a tree: what it translates, and what the manuals forbid about it.

/// Something that software must not leave in tables.
public struct HardwareComplaint: Equatable, Sendable, CustomStringConvertible {
    public enum Kind: Equatable, Sendable {
        /// Bits that must be 0 (SDM: RSVD; Arm: RES0).
        case reservedBits(UInt64)
        /// A leaf whose output address is no multiple of its size.
        case misalignedLeaf
        /// An output address that the processor or memory does not reach.
        case tableBeyondMemory, leafBeyondMemory
        /// The tree has the table twice.
        case sharedTable
        /// A block of entries of which some have the contiguous bit (or are leaves) and some have not.
        case mixedBlock
        /// A contiguous block whose output addresses do not follow each other, or whose first is no multiple of its size.
        case scatteredBlock, misalignedBlock
        /// A contiguous block whose entries differ in more than access flag and dirty state.
        case unlikeBlock
        /// A contiguous bit where the granule and level have no blocks.
        case noSuchBlock
    }

    public var kind: Kind
    /// The first address that the entry, or block of entries, translates.
    public var address: UInt64
    public var level: HardwareLevel
    public var word: UInt64

    public var description: String {
        "\(kind) at 0x\(String(address, radix: 16)), level \(level), word 0x\(String(word, radix: 16))"
    }
}

/// What a whole tree holds.
public struct HardwareAudit {
    /// The leaves by ascending address: where each begins, and what it is.
    public var leaves: [(address: UInt64, translation: HardwareTranslation)] = []
    public var complaints: [HardwareComplaint] = []
    /// The tables' physical addresses, the top one first.
    public var tables: [UInt64] = []
}

extension HardwareMMU {
    /// Looks at every entry. O(tables).
    public func audit() -> HardwareAudit {
        var result = HardwareAudit()
        var seen: Set<UInt64> = []
        visit(root, firstLevel, 0, Inherited(), &result, &seen)
        return result
    }

    private func visit(
        _ table: UInt64, _ level: HardwareLevel, _ base: UInt64, _ inherited: Inherited, _ audit: inout HardwareAudit,
        _ seen: inout Set<UInt64>
    ) {
        audit.tables.append(table)
        seen.insert(table)
        let words = (0..<entries(level)).map { read(table + UInt64($0) * 8) }
        checkBlocks(words, level, base, &audit)
        for (index, word) in words.enumerated() {
            let kind = kind(word, level)
            if kind == .invalid { continue }
            let address = base + UInt64(index) << shift(level)
            func complain(_ what: HardwareComplaint.Kind) {
                audit.complaints.append(HardwareComplaint(kind: what, address: address, level: level, word: word))
            }
            checkReserved(word, level, complain)
            let output = outputAddress(word, level)
            if kind == .leaf {
                if output + (1 << shift(level)) > memoryEnd || output >> UInt64(physicalBits) != 0 {
                    complain(.leafBeyondMemory)
                }
                audit.leaves.append((address, translation(word, level, address, inherited)))
            } else if output + 1 << pageShift > memoryEnd {
                complain(.tableBeyondMemory)
            } else if seen.contains(output) {
                complain(.sharedTable)
            } else {
                var below = inherited
                below.pass(word, self)
                visit(output, self.below(level), address, below, &audit, &seen)
            }
        }
    }

    /// Reserved bits; of a large leaf, those inside its size make it misaligned.
    private func checkReserved(
        _ word: UInt64, _ level: HardwareLevel, _ complain: (HardwareComplaint.Kind) -> Void
    ) {
        var wrong = word & reserved(word, level)
        if kind(word, level) == .leaf, level != lastLevel {
            let inside = bits(Int(shift(level)) - 1, isArm ? 17 : 13)
            if wrong & inside != 0 { complain(.misalignedLeaf) }
            wrong &= ~inside
        }
        if wrong != 0 { complain(.reservedBits(wrong)) }
        if kind(word, level) == .leaf, isArm, has(word, 52), contiguousEntries(level) == 1 { complain(.noSuchBlock) }
    }

    // MARK: Contiguous blocks

    private func checkBlocks(_ words: [UInt64], _ level: HardwareLevel, _ base: UInt64, _ audit: inout HardwareAudit) {
        let count = contiguousEntries(level)
        guard count > 1 else { return }
        for start in stride(from: 0, to: words.count, by: count) {
            let block = words[start..<min(start + count, words.count)]
            let folded = block.filter { kind($0, level) == .leaf && has($0, 52) }
            guard let first = folded.first else { continue }
            var kinds: [HardwareComplaint.Kind] = []
            if folded.count < count {
                kinds.append(.mixedBlock)
            } else {
                let size = UInt64(1) << shift(level)
                let outputs = block.map { outputAddress($0, level) }
                if outputs[0] & (size * UInt64(count) - 1) != 0 { kinds.append(.misalignedBlock) }
                if zip(outputs, outputs.dropFirst()).contains(where: { $1 != $0 &+ size }) {
                    kinds.append(.scatteredBlock)
                }
                if Set(block.map { alike($0, level) }).count > 1 { kinds.append(.unlikeBlock) }
            }
            for kind in kinds {
                audit.complaints.append(
                    HardwareComplaint(
                        kind: kind, address: base + UInt64(start) << shift(level), level: level, word: first))
            }
        }
    }

    /// What entries of a block must share: all but the output address, the access flag, the dirty state (AP[2] under DBM) and
    /// what is left to software.
    private func alike(_ word: UInt64, _ level: HardwareLevel) -> UInt64 {
        var attributes = word & ~addressBits(.leaf, level) & ~(1 << 10) & ~bits(58, 55) & ~(1 << 63)
        if has(word, 51) { attributes &= ~(1 << 7) }
        return attributes
    }
}
