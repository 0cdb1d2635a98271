// What swap, migration, UFFDIO_MOVE and KSM will do to a page, as steps of random runs.

@testable import Quire

enum FolioAct: CaseIterable {
    case migrate, swapAndBack, share, move
}

extension TestMachine {
    /// Does it to the page at an address, if an anonymous one is there; a move goes to `target`. Returns what came of it.
    func perform(_ act: FolioAct, _ process: Process, _ address: UInt64, target: UInt64) -> String {
        let space = process.space
        if act == .move {
            do throws(Errno) { return "\(try space.movePages(cpu, to: target, from: address, length: page))" } catch {
                return "\(error)"
            }
        }
        space.mmapLock.readLock(cpu)
        defer { space.mmapLock.readUnlock(cpu) }
        let frame = space.mappedFrame(cpu, address)
        guard !frame.isNone, memory.kind(cpu, frame) == .anonymous else { return "nothing" }
        let head = memory.head(cpu, frame)
        switch act {
        case .migrate:
            memory.refcount(head).add(cpu, 1, .refcount)
            return core.migrate(cpu, head) == nil ? "stays" : "moved"
        case .swapAndBack: return swapAndBack(head)
        case .share, .move:
            do throws(Errno) { _ = try space.writeProtectAndShare(cpu, address) } catch { return "\(error)" }
            return "shared"
        }
    }

    private func swapAndBack(_ head: FrameNumber) -> String {
        memory.refcount(head).add(cpu, 1, .refcount)
        let lock = memory.folioLock(head)
        lock.lock(cpu)
        var result = "unmapped"
        if let unmapped = core.tryToUnmap(cpu, head, as: .swap(slot: 4096)) {
            result = unmapped.isComplete ? "out" : "in part"
            core.putBack(cpu, unmapped)
        }
        lock.unlock(cpu)
        memory.put(cpu, folio: head, count: 1)
        return result
    }
}
