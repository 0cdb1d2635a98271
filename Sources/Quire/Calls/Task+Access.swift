// Accesses as a program makes them, byte by byte in ascending order: each page is translated (and faulted in) when
// its first byte is reached. System calls that touch user memory come the same way.

/// How an access ended.
public enum AccessOutcome: BitwiseCopyable, Sendable, Equatable {
    case done
    /// A signal at an exact address; what came before is done.
    case signal(SignalCode, address: UInt64)
    /// Memory is used up.
    case killed
}

extension Task {
    /// Makes one access to one address. The public way through the whole fault path: O(levels + log areas).
    @inline(__always)
    public func access(_ address: UInt64, _ access: Access) -> AccessOutcome {
        outcome(space.use(cpu, address, access) { _ in })
    }

    /// Writes one byte.
    @inline(__always)
    public func storeByte(_ address: UInt64, _ byte: UInt8) -> AccessOutcome {
        let cpu = cpu
        return cpu.isExplored ? storeByteExplored(cpu, address, byte) : storeByte(cpu.unexplored, address, byte)
    }

    @inline(never)
    private func storeByteExplored(_ cpu: CPU, _ address: UInt64, _ byte: UInt8) -> AccessOutcome {
        storeByte(cpu, address, byte)
    }

    @_transparent
    private func storeByte(_ cpu: CPU, _ address: UInt64, _ byte: UInt8) -> AccessOutcome {
        outcome(
            space.use(cpu, address, .write) { frame in
                space.memory.setByte(cpu, frame, offset: Int(truncatingIfNeeded: address & Page.offsetMask), byte)
            })
    }

    /// Writes `count` bytes of the same value.
    public func store(_ address: UInt64, _ count: UInt64, _ byte: UInt8) -> AccessOutcome {
        eachPage(address, count, .write) { frame, offset, bytes in
            space.memory.fill(cpu, frame, offset: offset, count: bytes, byte: byte)
        }
    }

    /// Reads `count` bytes and hands each to `body`.
    public func load(_ address: UInt64, _ count: UInt64, _ body: (UInt8) -> Void) -> AccessOutcome {
        eachPage(address, count, .read) { frame, offset, bytes in
            if cpu.isExplored { return space.memory.readInSteps(cpu, frame, offset: offset, count: bytes, body) }
            for place in offset..<(offset + bytes) { body(space.memory.byte(cpu, frame, offset: place)) }
        }
    }

    /// Writes, in each page, the first byte that the range covers; the value is the low byte of the page's number.
    @discardableResult
    public func touchWrite(_ address: UInt64, _ length: UInt64) -> AccessOutcome {
        touch(address, length) { at in storeByte(at, UInt8(truncatingIfNeeded: at >> Page.shift)) }
    }

    /// Reads, in each page, the first byte that the range covers.
    @discardableResult
    public func touchRead(_ address: UInt64, _ length: UInt64) -> AccessOutcome {
        touch(address, length) { at in access(at, .read) }
    }

    @inline(__always)
    private func touch(_ address: UInt64, _ length: UInt64, _ body: (UInt64) -> AccessOutcome) -> AccessOutcome {
        var at = address
        let end = address &+ length
        while at < end {
            let result = body(at)
            guard result == .done else { return result }
            let next = Page.floor(at) &+ Page.size
            if next == 0 { break }
            at = next
        }
        return .done
    }

    private func eachPage(
        _ address: UInt64, _ count: UInt64, _ access: Access, _ body: (FrameNumber, Int, Int) -> Void
    ) -> AccessOutcome {
        var at = address
        var left = count
        while left > 0 {
            let offset = at & Page.offsetMask
            let bytes = Swift.min(left, Page.size - offset)
            let result = space.use(cpu, at, access) { frame in body(frame, Int(offset), Int(bytes)) }
            guard case .done = result else { return outcome(result) }
            at &+= bytes
            left -= bytes
        }
        return .done
    }

    @inline(__always) private func outcome(_ fault: FaultOutcome) -> AccessOutcome {
        switch fault {
        case .done, .retry: .done
        case .signal(let code, let address): .signal(code, address: address)
        case .blocked, .outOfMemory, .lockReleased: .killed
        }
    }
}
