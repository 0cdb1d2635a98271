// Growing a stack: a fault below a MAP_GROWSDOWN area moves its start down to the page touched, if the gap to what
// lies below allows it and the limits do. Needs the mmap lock for write. Linux: expand_stack, acct_stack_growth.

extension AddressSpace {
    /// Grows the stack above an address down to it. Returns the area with the mmap lock held for read, or nil with
    /// no lock held.
    func growStack(_ cpu: CPU, to address: UInt64) -> Handle<Area>? {
        mmapLock.writeLock(cpu)
        let area = areas.find(address)
        guard !area.isNone, core.areas[area].start <= address || expandDown(cpu, area, to: Page.floor(address)) else {
            mmapLock.writeUnlock(cpu)
            return nil
        }
        if cpu.lacks(.downgradeOfStack) {
            mmapLock.writeUnlock(cpu)
            mmapLock.readLock(cpu)
        } else {
            mmapLock.downgrade(cpu)
        }
        return area
    }

    /// Moves a stack's start down to a page. False where it may not.
    private func expandDown(_ cpu: CPU, _ area: Handle<Area>, to start: UInt64) -> Bool {
        let stack = core.areas[area]
        guard stack.flags.contains(.growsDown), start >= core.settings.mmapMinAddress else { return false }
        let below = areas.before(stack.start)
        if !below.isNone {
            let neighbour = core.areas[below]
            let isOpen = !neighbour.flags.isDisjoint(with: .rights)
            if isOpen, !neighbour.flags.contains(.growsDown),
                start < neighbour.end || start - neighbour.end < core.settings.stackGuardGap
            {
                return false
            }
            if start < neighbour.end { return false }
        }
        startWrite(cpu, area)
        // Even where it may not grow it is tied to an anon_vma from here on.
        guard prepareAnonVMA(cpu, area) else { return false }
        let pages = (stack.start - start) >> Page.shift
        guard stack.pageOffset >= pages, mayExpand(stack.flags, pages: pages),
            stack.end - start <= numbers.limits.stack.soft,
            !stack.flags.contains(.locked) || mayLock(pages: pages), (try? commit(cpu, pages: pages)) != nil
        else { return false }
        // Linux charges a stack that is not accounted too, and never takes that back: Committed_AS is off for good.
        // Here it is asked whether it could be charged (AccountingTests.aReadOnlyStackIsNotCharged).
        if !stack.flags.contains(.account) { core.uncommit(cpu, pages: pages) }
        if stack.flags.contains(.locked) { numbers.lockedPages += pages }
        lower(cpu, area, to: start)
        account(stack.flags, pages: Int64(pages))
        return true
    }
}
