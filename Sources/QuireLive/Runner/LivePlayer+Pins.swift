// gup and unpin on the live kernel. A program cannot call pin_user_pages, so two system calls stand for it: registering a
// fixed buffer with io_uring pins pages for long (FOLL_WRITE|FOLL_LONGTERM|FOLL_PIN), and vmsplice puts plain references to
// them into a pipe (FOLL_GET). Rings and pipes need no mapping, only descriptors, which lie among the worker's own.
// The model's side: QuireWorkload's `Player+Pins`.
//
// io_uring's and vmsplice's answers are taken as they are but for two: an empty range is EINVAL without asking (io_uring says
// EFAULT, vmsplice 0), and what vmsplice gets only a part of is EFAULT.

import CQuireLive
import QuireWorkload

/// One pin of a workload.
struct LivePin {
    enum Kind {
        /// A place in the table of the process's ring.
        case fixedBuffer(UInt32)
        /// Both ends of a pipe that holds references.
        case pipe(UInt64, UInt64)
    }

    var process: LiveProcess
    var kind: Kind
}

/// What a workload asks of gup.
private enum PinRequest {
    private static let write: UInt64 = 0x1
    private static let get: UInt64 = 0x2
    private static let longTerm: UInt64 = 0x100
    private static let pin: UInt64 = 0x8_0000

    case fixedBuffer, references

    /// Nil for flags that no system call stands for.
    init?(_ flags: UInt64) {
        switch flags {
        case Self.write | Self.longTerm, Self.write | Self.longTerm | Self.pin: self = .fixedBuffer
        case Self.get: self = .references
        default: return nil
        }
    }
}

extension LivePlayer {
    /// Buffers that a ring has places for.
    private static let ringPlaces: UInt32 = 256
    /// The most that io_uring takes for one buffer.
    private static let mostBytes: UInt64 = 1 << 30
    /// Where runners' descriptors lie: beside the worker's channel.
    private static let leastDescriptor: UInt64 = 900

    /// gup(addr, n, flags) and unpin(handle).
    func pin(_ s: Statement, _ process: LiveProcess) throws(LiveRunError) -> LiveOutcome {
        let first = try number(s, 0)
        if s.call == .unpin { return try unpin(Int(truncatingIfNeeded: first)) }
        let length = try number(s, 1)
        guard let request = PinRequest(try number(s, 2, otherwise: 0)) else {
            throw .skipped(
                "line \(s.line): unsupported: live, gup is FOLL_WRITE|FOLL_LONGTERM (io_uring) or FOLL_GET (vmsplice)")
        }
        guard length <= Self.mostBytes else { throw .skipped("line \(s.line): a live pin is 1 GiB at most") }
        if length == 0 { return LiveOutcome(.error(22)) }
        switch request {
        case .fixedBuffer: return try register(first, length, process)
        case .references: return try splice(first, length, process)
        }
    }

    private func handle(_ pin: LivePin) -> LiveOutcome {
        nextPin += 1
        pins[nextPin] = pin
        return LiveOutcome(.value(Int64(nextPin)))
    }

    /// A process ends: what it has pinned goes, and at once, where the kernel would leave that to a thread of its own.
    func dropPins(of process: LiveProcess) throws(LiveRunError) {
        for (number, pin) in pins.sorted(by: { $0.key < $1.key }) where pin.process === process {
            _ = try unpin(number)
        }
    }

    /// A child has its parent's rings and pipes, and so its pins; here pins are their process's alone.
    func closeInherited(_ child: LiveProcess, from parent: LiveProcess) throws(LiveRunError) {
        if let ring = parent.ring { _ = try child.call(QUIRE_CLOSE, [ring]) }
        for pin in pins.values where pin.process === parent {
            guard case .pipe(let reading, let writing) = pin.kind else { continue }
            _ = try child.call(QUIRE_CLOSE, [reading])
            _ = try child.call(QUIRE_CLOSE, [writing])
        }
    }

    private func unpin(_ number: Int) throws(LiveRunError) -> LiveOutcome {
        guard let pin = pins.removeValue(forKey: number) else { return LiveOutcome(.error(22)) }
        switch pin.kind {
        case .fixedBuffer(let place): _ = try setBuffer(place, 0, 0, pin.process)
        case .pipe(let reading, let writing):
            _ = try pin.process.call(QUIRE_CLOSE, [reading])
            _ = try pin.process.call(QUIRE_CLOSE, [writing])
        }
        return .done
    }

    // MARK: io_uring

    private func register(
        _ address: UInt64, _ length: UInt64, _ process: LiveProcess
    ) throws(LiveRunError) -> LiveOutcome {
        if process.ring == nil { process.ring = try makeRing(process) }
        let taken = pins.values.compactMap { pin -> UInt32? in
            guard pin.process === process, case .fixedBuffer(let place) = pin.kind else { return nil }
            return place
        }
        guard let place = (0..<Self.ringPlaces).first(where: { !taken.contains($0) }) else {
            throw .skipped("the live runner takes at most \(Self.ringPlaces) pins of a process")
        }
        let outcome = try setBuffer(place, address, length, process)
        guard case .value = outcome.ending else { return outcome }
        return handle(LivePin(process: process, kind: .fixedBuffer(place)))
    }

    /// A ring of the process's own with a table of places for buffers. Nothing of it is mapped.
    private func makeRing(_ process: LiveProcess) throws(LiveRunError) -> UInt64 {
        let parameters = [UInt8](repeating: 0, count: 120)
        let made = LiveOutcome(try process.call(QUIRE_IO_URING_SETUP, [1, QUIRE_SCRATCH], bytes: parameters))
        guard case .value(let low) = made.ending else {
            throw .skipped("this kernel gives no io_uring to pin memory with (/proc/sys/kernel/io_uring_disabled)")
        }
        let ring = try raise(UInt64(low), process)
        let table = UInt64(Self.ringPlaces) | 1 << 32  // IORING_RSRC_REGISTER_SPARSE
        let bytes = [table, 0, 0, 0].flatMap(\.littleEndianBytes)
        let sparse = 15 as UInt64  // IORING_REGISTER_BUFFERS2
        let outcome = LiveOutcome(
            try process.call(QUIRE_IO_URING_REGISTER, [ring, sparse, QUIRE_SCRATCH, 32], bytes: bytes))
        guard case .value = outcome.ending else {
            throw .skipped("this kernel's io_uring has no sparse tables of buffers")
        }
        return ring
    }

    /// Puts a buffer into a place of the ring's table, or, for address 0, takes it out.
    private func setBuffer(
        _ place: UInt32, _ address: UInt64, _ length: UInt64, _ process: LiveProcess
    ) throws(LiveRunError) -> LiveOutcome {
        guard let ring = process.ring else { return LiveOutcome(.error(22)) }
        let update = [UInt64(place), QUIRE_SCRATCH + 32, 0, 1, address, length].flatMap(\.littleEndianBytes)
        let operation = 16 as UInt64  // IORING_REGISTER_BUFFERS_UPDATE
        return LiveOutcome(
            try process.call(QUIRE_IO_URING_REGISTER, [ring, operation, QUIRE_SCRATCH, 32], bytes: update))
    }

    // MARK: vmsplice

    private func splice(
        _ address: UInt64, _ length: UInt64, _ process: LiveProcess
    ) throws(LiveRunError) -> LiveOutcome {
        let nonBlocking: UInt64 = 0o4000
        let answer = try process.call(
            QUIRE_PIPE2, [QUIRE_SCRATCH, nonBlocking], bytes: [UInt8](repeating: 0, count: 8), wanted: 8)
        guard case .reply(let reply, let bytes) = answer, reply.error == 0 else {
            throw .skipped("the live runner has no descriptor left for a pipe")
        }
        let ends = bytes.map { UInt64($0) }
        let reading = try raise(ends[ends.startIndex] | ends[ends.startIndex + 1] << 8, process)
        let writing = try raise(ends[ends.startIndex + 4] | ends[ends.startIndex + 5] << 8, process)
        func close() throws(LiveRunError) {
            _ = try process.call(QUIRE_CLOSE, [reading])
            _ = try process.call(QUIRE_CLOSE, [writing])
        }
        // One place in a pipe for each page.
        let pages = (address & 4095 + length + 4095) >> 12
        let room = LiveOutcome(try process.call(QUIRE_FCNTL, [writing, 1031, pages << 12]))  // F_SETPIPE_SZ
        guard case .value = room.ending else {
            try close()
            throw .skipped("a pipe cannot hold \(pages) pages")
        }
        let range = [address, length].flatMap(\.littleEndianBytes)
        let outcome = LiveOutcome(
            try process.call(QUIRE_VMSPLICE, [writing, QUIRE_SCRATCH, 1, 2], bytes: range))  // SPLICE_F_NONBLOCK
        guard case .value(let got) = outcome.ending, UInt64(got) == length else {
            try close()
            if case .value = outcome.ending { return LiveOutcome(.error(14)) }
            return outcome
        }
        return handle(LivePin(process: process, kind: .pipe(reading, writing)))
    }

    /// Moves a descriptor to where the worker has its own, so that a workload's are 3, 4, 5, …
    private func raise(_ low: UInt64, _ process: LiveProcess) throws(LiveRunError) -> UInt64 {
        let high = LiveOutcome(try process.call(QUIRE_FCNTL, [low, 1030, Self.leastDescriptor]))  // F_DUPFD_CLOEXEC
        _ = try process.call(QUIRE_CLOSE, [low])
        guard case .value(let number) = high.ending else {
            throw .skipped("the live runner has no descriptor left for a pin")
        }
        return UInt64(number)
    }
}
