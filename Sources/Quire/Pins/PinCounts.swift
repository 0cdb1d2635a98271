// The counts behind pins: a pin of a small folio is 1,024 references, so that a false "may be pinned" needs as many
// plain ones; a large folio has a count of its own. Linux: try_grab_folio, gup_put_folio, folio_maybe_dma_pinned.

extension PhysicalMemory {
    /// References that a pin of a small folio takes (GUP_PIN_COUNTING_BIAS).
    static let pinBias: UInt32 = 1024

    /// Takes a reference or a pin of a page that the caller keeps from going away. The zero page needs neither.
    func grab(_ cpu: CPU, _ frame: FrameNumber, _ flags: FollowFlags) {
        let head = head(cpu, frame)
        if kind(cpu, head) == .zero { return }
        guard flags.contains(.pin) else {
            refcount(head).add(cpu, 1, .refcount)
            return
        }
        if isLarge(cpu, head) {
            refcount(head).add(cpu, 1, .refcount)
            pins(head).add(cpu, 1, .refcount)
        } else {
            refcount(head).add(cpu, Self.pinBias, .refcount)
        }
    }

    /// Takes a reference or a pin of a page that may be freed this moment, by a walk without locks; false: it is gone
    /// (folio_try_get). The page's identity must be looked at again afterwards.
    func tryGrab(_ cpu: CPU, _ frame: FrameNumber, _ flags: FollowFlags) -> Bool {
        let head = head(cpu, frame)
        if kind(cpu, head) == .zero { return true }
        let isSmallPin = flags.contains(.pin) && !isLarge(cpu, head)
        let amount = isSmallPin ? Self.pinBias : 1
        while true {
            let now = refcount(head).load(cpu, .refcount)
            guard now != 0 || cpu.lacks(.grabNotFromZero) else { return false }
            if refcount(head).replace(cpu, now, with: now &+ amount, .refcount) { break }
        }
        if flags.contains(.pin), !isSmallPin { pins(head).add(cpu, 1, .refcount) }
        return true
    }

    /// Gives back what `grab` took.
    func ungrab(_ cpu: CPU, _ frame: FrameNumber, _ flags: FollowFlags) {
        let head = head(cpu, frame)
        if kind(cpu, head) == .zero { return }
        if flags.contains(.pin), isLarge(cpu, head) { pins(head).subtract(cpu, 1, .refcount) }
        let isSmallPin = flags.contains(.pin) && !isLarge(cpu, head)
        put(cpu, folio: head, count: isSmallPin ? Self.pinBias : 1)
    }

    /// Whether a folio may be pinned, by its head: never wrong for one that is, rarely for one that is not
    /// (folio_maybe_dma_pinned).
    func mayBePinned(_ cpu: CPU, _ head: FrameNumber) -> Bool {
        isLarge(cpu, head)
            ? pins(head).load(cpu, .refcount) > 0 : refcount(head).load(cpu, .refcount) >= Self.pinBias
    }
}
