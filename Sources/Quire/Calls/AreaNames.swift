// Names of anonymous memory (PR_SET_VMA_ANON_NAME): an attribute like any other, by which two areas differ.
// Linux: prctl_set_vma, set_anon_vma_name, madvise_vma_anon_name.

/// Whether a name may hold a character: printable ASCII, and nothing that would spoil a line of maps.
func isAreaNameCharacter(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "\\"), UInt8(ascii: "`"), UInt8(ascii: "$"), UInt8(ascii: "["), UInt8(ascii: "]"): false
    default: byte > 0x1f && byte < 0x7f
    }
}

extension AddressSpace {
    /// Names the areas of a range, or takes their names away (0). `isUnlinked` tells shared memory that no path leads
    /// to, which may be named too. Takes the mmap lock itself.
    func setName(
        _ cpu: CPU, _ start: UInt64, _ length: UInt64, _ name: UInt32, isUnlinked: (Handle<FileRecord>) -> Bool
    ) throws(Errno) {
        guard start & Page.offsetMask == 0 else { throw .EINVAL }
        let end = try adviceEnd(start, length)
        if end == start { return }
        mmapLock.writeLock(cpu)
        defer { mmapLock.writeUnlock(cpu) }
        try eachArea(start, end) { area, from, to throws(Errno) in
            let record = core.areas[area]
            guard record.file.isNone || (record.kind == .shared && isUnlinked(record.file)) else { throw .EBADF }
            if core.extras(record.extras).name == name { return }
            // A split or merge that cannot be had now may be had later.
            do throws(Errno) {
                _ = try modifyFlagsAndName(cpu, area, from, to, to: record.flags, name: name)
            } catch { throw .EAGAIN }
        }
    }
}
