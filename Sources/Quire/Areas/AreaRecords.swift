// Areas come and go: the record, its place in the tree, its ties to anon_vmas, its references to a file and to what few
// areas have. Linux: vm_area_alloc, vm_area_dup, vma_link, vm_area_free, remove_vma.

/// Where a new area goes.
enum AreaPlace: BitwiseCopyable {
    /// Where nothing is mapped, below what `cursor(atOrAbove:)` found for its start.
    case below(AreaCursor)
    /// In place of the upper part of an area.
    case upperPart(of: Handle<Area>)
}

extension AddressSpace {
    /// Makes an area of a record and puts it into the tree, tied to the anon_vmas that `source` is tied to. It takes its
    /// own references to file and extras. Throws ENOMEM with nothing changed.
    @discardableResult @inline(__always)
    func insertArea(
        _ cpu: CPU, _ record: Area, _ place: AreaPlace, tiedLike source: Handle<Area> = .none
    ) throws(Errno) -> Handle<Area> {
        var fresh = record
        fresh.anonVMA = .none
        fresh.chain = 0
        guard let made = core.areas.allocate(cpu, fresh) else { throw .ENOMEM }
        core.closeFresh(cpu, made)
        guard source.isNone || core.shareAnonVMA(cpu, from: source, to: made) else {
            core.areas.free(cpu, made)
            throw .ENOMEM
        }
        let isPlaced =
            switch place {
            case .below(let cursor): areas.insert(cpu, made, below: cursor)
            case .upperPart(let area):
                core.changeBounds(cpu, of: area) { areas.split(cpu, area, at: record.start, upper: made) }
            }
        guard isPlaced else {
            core.unlinkAll(cpu, made)
            core.areas.free(cpu, made)
            throw .ENOMEM
        }
        core.holdExtras(record.extras)
        if !record.file.isNone {
            core.hold(cpu, record.file)
            core.linkToFile(cpu, made)
        }
        attachArea(cpu, made)
        return made
    }

    /// Frees the record of an area that is in no tree any more.
    func freeRecord(_ cpu: CPU, _ area: Handle<Area>) {
        core.detachArea(cpu, area)
        core.unlinkAll(cpu, area)
        let file = core.areas[area].file
        if !file.isNone {
            core.unlinkFromFile(cpu, area)
            core.release(cpu, file)
        }
        core.releaseExtras(cpu, core.areas[area].extras)
        core.areas.free(cpu, area)
    }
}
