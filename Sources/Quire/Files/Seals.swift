// Seals of a memory file: what nobody may do to it any more, whoever holds a descriptor. A seal against writing also
// stands in the way of mappings that could write, now and by mprotect. Linux: mm/memfd.c, F_ADD_SEALS.

/// The seals of a file.
struct Seals: OptionSet, BitwiseCopyable {
    let rawValue: UInt8
    /// F_SEAL_SEAL: no further seals.
    static let seal = Seals(rawValue: 1)
    /// F_SEAL_SHRINK
    static let shrink = Seals(rawValue: 2)
    /// F_SEAL_GROW
    static let grow = Seals(rawValue: 4)
    /// F_SEAL_WRITE
    static let write = Seals(rawValue: 8)
    /// F_SEAL_FUTURE_WRITE: as write, but mappings that can write stay.
    static let futureWrite = Seals(rawValue: 16)
    /// F_SEAL_EXEC: fchmod may not change who can execute it.
    static let execute = Seals(rawValue: 32)

    static let all = Seals(rawValue: 63)
    /// What fixes size and contents.
    static let contents: Seals = [.shrink, .grow, .write, .futureWrite]

    /// Whether calls may not write.
    var forbidsWriting: Bool { !isDisjoint(with: [.write, .futureWrite]) }
}

extension MachineCore {
    /// Whether some area shares the file and may write it now or after an mprotect (i_mmap_writable).
    func hasWritableMapping(_ cpu: CPU, _ file: Handle<FileRecord>) -> Bool {
        var at = files[file].firstArea
        while at != 0 {
            let area = areas[areas.handle(at: at)]
            if area.flags.contains([.shared, .mayWrite]) { return true }
            at = area.nextOfFile
        }
        return false
    }
}
