// The walk for one address, and the check of an access.

extension HardwareMMU {
    /// Translates an address, whatever its rights. Throws the fault that the walk ends with.
    public func walk(_ address: UInt64) throws(HardwareFault) -> HardwareTranslation {
        let upper =
            isArm ? address >> virtualBits : UInt64(bitPattern: Int64(bitPattern: address) >> Int64(virtualBits - 1))
        guard upper == 0 || !isArm && upper == .max else { throw .address }
        var table = root
        var level = firstLevel
        var inherited = Inherited()
        while true {
            let index = (address >> shift(level)) & UInt64(entries(level) - 1)
            guard table + index * 8 < memoryEnd else { throw .external(level) }
            let word = read(table + index * 8)
            let kind = kind(word, level)
            guard kind != .invalid else { throw .translation(level) }
            if isArm {
                guard outputAddress(word, level) >> UInt64(physicalBits) == 0 else { throw .addressSize(level) }
            } else {
                guard word & reserved(word, level) == 0 else { throw .reserved(level) }
            }
            if kind == .leaf { return translation(word, level, address, inherited) }
            inherited.pass(word, self)
            table = outputAddress(word, level)
            level = below(level)
        }
    }

    func translation(
        _ word: UInt64, _ level: HardwareLevel, _ address: UInt64, _ inherited: Inherited
    ) -> HardwareTranslation {
        let offset = address & (1 << shift(level) - 1)
        var result = HardwareTranslation(
            physical: outputAddress(word, level) | offset, shift: shift(level), level: level, word: word,
            user: inherited.user, writable: inherited.writable, executable: inherited.executable, accessed: false,
            dirty: false, contiguous: false)
        if isArm {
            // AP[1] lets EL0 in, AP[2] keeps stores out unless DBM lets hardware clear it.
            let isClean = has(word, 7)
            result.user = result.user && has(word, 6)
            result.writable = result.writable && (!isClean || managesFlags && has(word, 51))
            result.executable = result.executable && !has(word, 54)
            result.accessed = has(word, 10)
            result.dirty = has(word, 51) && !isClean
            result.contiguous = has(word, 52)
        } else {
            result.writable = result.writable && has(word, 1)
            result.user = result.user && has(word, 2)
            result.executable = result.executable && !has(word, 63)
            result.accessed = has(word, 5)
            result.dirty = has(word, 6)
        }
        return result
    }

    /// Makes a program's access, without setting flags. Throws what it faults with.
    public func access(_ address: UInt64, _ kind: HardwareAccess) throws(HardwareFault) -> HardwareTranslation {
        let found = try walk(address)
        if isArm, !managesFlags, !found.accessed { throw .accessFlag(found.level) }
        let isAllowed =
            switch kind {
            case .read: found.user
            case .write: found.user && found.writable
            case .execute: found.user && found.executable
            }
        guard isAllowed else { throw .permission(found.level) }
        return found
    }
}
