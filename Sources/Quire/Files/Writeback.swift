// Writing disk files back: what was written goes to the disk, and every mapper's next write is noticed again.
// Linux: vfs_fsync_range, folio_mkclean.

extension MachineCore {
    /// Writes the pages [first, last) of a disk file back.
    func writeBack(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ first: UInt64, _ last: UInt64, _ spaces: (UInt32) -> AddressSpace?
    ) {
        guard files[file].kind == .disk else { return }
        let last = Swift.min(last, pages(of: file))
        guard first < last else { return }
        eachSharer(of: file, first, last, spaces) { space, start, end in space.cleanEntries(cpu, start, end) }
        for page in first..<last {
            let frame = cached(cpu, file, page)
            guard !frame.isNone, memory.has(cpu, frame, FrameFlags.dirty) else { continue }
            memory.flags(frame).clear(cpu, bits: FrameFlags.dirty, .frameFlags)
            memory.flags(frame).set(cpu, bits: FrameFlags.onDisk, .frameFlags)
        }
    }

    /// The part of [first, last) that each area shows which shares the file.
    private func eachSharer(
        of file: Handle<FileRecord>, _ first: UInt64, _ last: UInt64, _ spaces: (UInt32) -> AddressSpace?,
        _ body: (AddressSpace, UInt64, UInt64) -> Void
    ) {
        var at = files[file].firstArea
        while at != 0 {
            let area = areas[areas.handle(at: at)]
            at = area.nextOfFile
            let from = Swift.max(first, area.pageOffset)
            let to = Swift.min(last, area.pageOffset + area.pages)
            guard area.flags.contains(.shared), from < to, let space = spaces(area.space) else { continue }
            let start = area.start + (from - area.pageOffset) << Page.shift
            body(space, start, start + (to - from) << Page.shift)
        }
    }
}

extension AddressSpace {
    /// Makes the entries of a range clean and takes the right to write away (page_mkclean_one).
    fileprivate func cleanEntries(_ cpu: CPU, _ start: UInt64, _ end: UInt64) {
        eachTable(cpu, start, end) { table, from, to in
            let first = tables.format.index(from, level: 0)
            for index in first..<(first + Int((to - from) >> Page.shift)) {
                let entry = tables.load(cpu, table, index)
                guard tables.format.isPresent(entry), tables.format.isDirty(entry) || tables.format.isWritable(entry)
                else { continue }
                let taken = tables.takeOut(cpu, table, index)
                let address = from + UInt64(index - first) << Page.shift
                if tables.format.isValidForHardware(taken) { tables.flushRange(cpu, address, address + Page.size) }
                tables.update(cpu, table, index, tables.format.cleaned(tables.format.writeProtected(taken)))
            }
        }
    }
}
