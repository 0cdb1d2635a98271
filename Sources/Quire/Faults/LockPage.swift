// A page of the page cache, found without a lock, is locked and looked for again before a fault maps it: whoever takes it out
// of the cache holds its lock. A fault that must sleep for that lock first gives up the one that it holds, whichever it is.
// Linux: filemap_get_folio, lock_folio_maybe_drop_mmap, next_uptodate_folio.

/// What came of an attempt to lock a page of a file.
enum PageLock: BitwiseCopyable {
    /// Locked, with a reference, and at its place in the cache.
    case locked
    /// Not in the cache any more, not at that place, or beyond the file's end.
    case gone
    /// Somebody else has locked it; the caller has a reference all the same.
    case busy
}

extension AddressSpace {
    /// Locks a page of a file for a fault, so that it stays in the cache. Nil: locked.
    func lockPage(
        _ cpu: CPU, _ context: FaultContext, _ file: Handle<FileRecord>, _ offset: UInt64, _ frame: FrameNumber
    ) -> FaultOutcome? {
        switch tryLockPage(cpu, file, offset, frame) {
        case .locked: return nil
        case .gone: return .retry
        case .busy: break
        }
        defer { memory.put(cpu, frame) }
        guard context.mayWait else { return .blocked }
        let outcome = context.mayDropLock ? releaseLock(cpu, context) : .retry
        // Asleep, it is no reader; what it has found in the tables is worth nothing afterwards.
        memory.rcu.exit(cpu)
        let lock = memory.folioLock(frame)
        lock.lock(cpu)
        lock.unlock(cpu)
        memory.rcu.enter(cpu)
        return outcome
    }

    /// Locks a page of a file if nobody else has. One CPU alone needs no lock.
    func tryLockPage(
        _ cpu: CPU, _ file: Handle<FileRecord>, _ offset: UInt64, _ frame: FrameNumber
    ) -> PageLock {
        if cpu.isSequential { return .locked }
        guard memory.tryGrab(cpu, frame, []) else { return .gone }
        guard memory.folioLock(frame).tryLock(cpu) else { return .busy }
        if cpu.lacks(.secondLookAtPage) { return .locked }
        if offset < core.pages(of: file), core.cached(cpu, file, offset) == frame { return .locked }
        unlockPage(cpu, frame)
        return .gone
    }

    /// Gives up the lock and the reference.
    func unlockPage(_ cpu: CPU, _ frame: FrameNumber) {
        if cpu.isSequential { return }
        memory.folioLock(frame).unlock(cpu)
        memory.put(cpu, frame)
    }
}
