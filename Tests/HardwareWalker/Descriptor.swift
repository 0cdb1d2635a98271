// One word of a table, as the manuals have it: tables 4-14 to 4-20 of the SDM, figures D8-12 to D8-16 of the Arm ARM.

/// What a word is at its level.
enum DescriptorKind { case invalid, table, leaf }

extension HardwareMMU {
    func bits(_ high: Int, _ low: Int) -> UInt64 { (UInt64.max >> UInt64(63 - high)) & (UInt64.max << UInt64(low)) }

    func has(_ word: UInt64, _ bit: Int) -> Bool { word >> UInt64(bit) & 1 != 0 }

    func kind(_ word: UInt64, _ level: HardwareLevel) -> DescriptorKind {
        guard has(word, 0) else { return .invalid }
        if isArm {
            // Bit 1: table or page; clear: block. A block at level 3 or where there is none is as invalid.
            if has(word, 1) { return level == 3 ? .leaf : .table }
            return level != 3 && mayBeLeaf(level) ? .leaf : .invalid
        }
        if level == 1 { return .leaf }
        // PS, where it exists; above, a set one is a reserved bit of a table entry.
        return has(word, 7) && mayBeLeaf(level) ? .leaf : .table
    }

    /// The bits that must be 0 in a present word.
    func reserved(_ word: UInt64, _ level: HardwareLevel) -> UInt64 {
        let kind = kind(word, level)
        let address = addressBits(kind, level)
        if isArm {
            switch kind {
            case .invalid: return 0
            // 11:2 and 58:51 are ignored; what lies between the granule and bit 12 is RES0.
            case .table: return bits(50, 48) | (pageShift > 12 ? bits(Int(pageShift) - 1, 12) : 0)
            // A block's bit 16 is nT; 49:48 belong to larger addresses than these.
            case .leaf: return (bits(49, 12) & ~address) & ~(level == 3 ? 0 : 1 << 16)
            }
        }
        var reserved = bits(51, physicalBits)
        switch kind {
        case .invalid: return 0
        case .table: if level >= 4 { reserved |= 1 << 7 }
        // Bit 12 is PAT in a large page.
        case .leaf: if level > 1 { reserved |= bits(Int(shift(level)) - 1, 13) }
        }
        return reserved
    }

    /// The bits of an output address.
    func addressBits(_ kind: DescriptorKind, _ level: HardwareLevel) -> UInt64 {
        let low = kind == .leaf ? Int(shift(level)) : Int(pageShift)
        return isArm ? bits(47, low) : bits(physicalBits - 1, low)
    }

    func outputAddress(_ word: UInt64, _ level: HardwareLevel) -> UInt64 {
        word & addressBits(kind(word, level), level)
    }
}

/// The rights that the levels above leave.
struct Inherited {
    var user = true, writable = true, executable = true

    /// Takes a table's word into account: x86-64 R/W, U/S, XD; arm64 APTable, UXNTable.
    mutating func pass(_ word: UInt64, _ mmu: HardwareMMU) {
        if mmu.isArm {
            user = user && !mmu.has(word, 61)
            writable = writable && !mmu.has(word, 62)
            executable = executable && !mmu.has(word, 60)
        } else {
            writable = writable && mmu.has(word, 1)
            user = user && mmu.has(word, 2)
            executable = executable && !mmu.has(word, 63)
        }
    }
}
