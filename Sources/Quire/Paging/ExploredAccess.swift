// What a program's accesses to its data are for an explorer: schedule points of their own, since another CPU may act between
// the walk and the use. Up to eight aligned bytes are one instruction, as a processor has them; more are one a byte.
// Part of the unsafe floor. Nothing of this runs where a machine is not explored.

import Synchronization

extension PhysicalMemory {
    /// The use of a frame at an address is about to happen; it must not have been given back meanwhile (INV-TLB-FREE).
    @inline(never)
    func announceUse(_ cpu: CPU, _ frame: FrameNumber, _ address: UInt64, isWrite: Bool) {
        cpu.note(.access(address, isWrite: isWrite))
        if contents == .off {
            let place = unsafe base + Int(frame.address) + Int(address & (Page.offsetMask & ~7))
            unsafe schedulePoint(cpu, isWrite ? .store : .load, place, .relaxed, .data)
        }
        // A step of its own: a search that orders steps by their objects must see that this one looks at the frame's kind.
        _ = flags(frame).loadRelaxed(cpu, .frameFlags)
        checkInUse(cpu, frame)
    }

    private func checkInUse(_ cpu: CPU, _ frame: FrameNumber) {
        cpu.require(
            kindSeen(cpu, frame) != .free,
            "use after free: a page that was given back is used through an old translation")
    }

    /// The contents of a frame are about to be copied: it must not have been given back meanwhile.
    @inline(never)
    func checkCopied(_ cpu: CPU, _ frame: FrameNumber) {
        cpu.require(kindSeen(cpu, frame) != .free, "use after free: a page that was given back is copied")
    }

    /// References to a folio were dropped, and `left` are left: they must have been somebody's (INV-REF).
    @inline(never)
    func checkDropped(_ cpu: CPU, _ head: FrameNumber, _ left: UInt32) {
        cpu.require(
            left < 1 << 31 && kindSeen(cpu, head) != .free, "a reference is dropped that nobody has (INV-REF)")
    }

    /// Writes bytes of the same value.
    @inline(never)
    func fillInSteps(_ cpu: CPU, _ frame: FrameNumber, offset: Int, count: Int, byte: UInt8) {
        let size = Self.instruction(offset, count)
        let pattern = 0x0101_0101_0101_0101 * UInt64(byte) & (size == 8 ? .max : 1 << UInt64(8 * size) - 1)
        for at in stride(from: offset, to: offset + count, by: size) {
            let place = unsafe base + Int(frame.address) + at
            if unsafe !announceStore(cpu, place, pattern, size: UInt8(size), .relaxed, .data) {
                checkInUse(cpu, frame)
                BufferedStore(
                    address: UInt64(UInt(bitPattern: place)), value: pattern, size: UInt8(size), name: .data
                ).perform()
            }
        }
    }

    /// Reads bytes and hands each to `body`.
    @inline(never)
    func readInSteps(_ cpu: CPU, _ frame: FrameNumber, offset: Int, count: Int, _ body: (UInt8) -> Void) {
        guard contents != .off else {
            for _ in 0..<count { body(0) }
            return
        }
        let size = Self.instruction(offset, count)
        for at in stride(from: offset, to: offset + count, by: size) {
            let place = unsafe base + Int(frame.address) + at
            let own = unsafe announceLoad(cpu, place, size: UInt8(size), .relaxed, .data)
            checkInUse(cpu, frame)
            let isZero = own == nil && has(cpu, frame, FrameFlags.needsZero)
            for byte in 0..<size {
                if let own {
                    body(UInt8(truncatingIfNeeded: own >> UInt64(8 * byte)))
                } else {
                    body(isZero ? 0 : unsafe (place + byte).load(as: UInt8.self))
                }
            }
        }
    }

    /// The bytes that one instruction moves: all, where they are 1, 2, 4 or 8 and aligned, else one.
    private static func instruction(_ offset: Int, _ count: Int) -> Int {
        count <= 8 && count & (count - 1) == 0 && offset & (count - 1) == 0 ? count : 1
    }
}

// What an explorer's questions about an operation's object come to. They look at memory without an operation.
extension PhysicalMemory {
    /// The frame that an address of the host lies in, and the number of its word.
    func place(ofWord address: UInt64) -> (frame: FrameNumber, index: Int)? {
        let start = unsafe UInt64(UInt(bitPattern: base))
        guard address >= start, (address - start) >> Page.shift < UInt64(frameCount) else { return nil }
        let offset = address - start
        return (FrameNumber(UInt32(offset >> Page.shift)), Int(offset & Page.offsetMask) >> 3)
    }

    /// The frame whose record an address of the host lies in.
    func frame(ofRecord address: UInt64) -> FrameNumber? {
        let start = unsafe UInt64(UInt(bitPattern: records))
        let number = (address &- start) / UInt64(Self.recordBytes)
        guard address >= start, number < UInt64(frameCount), number > 0 else { return nil }
        return FrameNumber(UInt32(number))
    }

    /// The format of the machine's tables.
    var formatNow: PageTableFormat { unsafe formatAddress.pointee }

    func kindNow(_ frame: FrameNumber) -> FrameKind {
        let flags = unsafe self.flags(frame).cell.pointee.load(ordering: .relaxed)
        return FrameKind(rawValue: flags & FrameFlags.kind) ?? .raw
    }

    /// The same as a CPU sees it, whose own store of it may still wait in its buffer.
    func kindSeen(_ cpu: CPU, _ frame: FrameNumber) -> FrameKind {
        FrameKind(rawValue: flags(frame).loadUnseen(cpu) & FrameFlags.kind) ?? .raw
    }

    func wordNow(_ frame: FrameNumber, _ index: Int) -> UInt64 {
        unsafe word(frame, index).cell.pointee.load(ordering: .relaxed)
    }
}
