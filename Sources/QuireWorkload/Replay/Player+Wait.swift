// wait4 and pidfd_open: processes by their numbers, also those that have ended and that nobody has waited for.

import Quire

private enum WaitOptions {
    static let noHang: UInt64 = 1
    /// WNOHANG, WUNTRACED, WCONTINUED, __WNOTHREAD, __WALL, __WCLONE.
    static let all: UInt64 = 0xE000_000B
    static let anyChild: UInt64 = 0x4000_0000
    static let clones: UInt64 = 0x8000_0000
}

extension Player {
    private static let childSignal: UInt64 = 17

    /// wait4 of a line without a recorded result: the child must have ended, or the call would wait for ever.
    func wait(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        if s.result != .none { return Outcome(.recorded) }
        let wanted = Int(Int32(truncatingIfNeeded: try number(s, 0)))
        let options = s.integer(2).map { $0 & 0xFFFF_FFFF } ?? 0
        guard options & ~WaitOptions.all == 0 else { return Outcome(.error(.EINVAL)) }
        if wanted == Int(Int32.min) { return Outcome(.error(.ESRCH)) }
        // Below -1 are process groups: no child has one of its own.
        let candidates = actor.owner.children.filter { number, child in
            guard wanted >= -1, wanted <= 0 || number == wanted else { return false }
            return options & WaitOptions.anyChild != 0
                || (child.exitSignal != Player.childSignal) == (options & WaitOptions.clones != 0)
        }
        if candidates.isEmpty { return Outcome(.error(.ECHILD)) }
        guard let ended = candidates.filter({ $0.value.status != nil }).keys.min() else {
            if options & WaitOptions.noHang != 0 { return .done }
            throw fail(s, "expected a child that has exited; this call would wait for ever")
        }
        let status = actor.owner.children.removeValue(forKey: ended)?.status ?? 0
        if let place = s.integer(1), place != 0 {
            for byte in 0..<4 {
                let value = UInt8(truncatingIfNeeded: status >> (8 * UInt32(byte)))
                guard actor.task.storeByte(place &+ UInt64(byte), value) == .done else {
                    return Outcome(.error(.EFAULT))
                }
            }
        }
        return Outcome(.value(UInt64(ended)))
    }

    /// pidfd_open.
    func openProcess(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        let number = Int(Int32(truncatingIfNeeded: try number(s, 0)))
        let flags = s.integer(1).map { $0 & 0xFFFF_FFFF } ?? 0
        var process = residents[number]?.process
        if process == nil {
            for resident in residents.values { process = resident.children[number]?.process ?? process }
        }
        switch s.result {
        case .none:
            do throws(Errno) {
                return Outcome(.value(UInt64(try actor.task.pidfdOpen(number, process, flags: flags))))
            } catch {
                return Outcome(.error(error))
            }
        case .value(let descriptor):
            _ = try? actor.task.pidfdOpen(
                number, process, flags: flags, descriptor: Int(Int32(truncatingIfNeeded: descriptor)))
            return Outcome(.recorded)
        case .error, .unknown: return Outcome(.recorded)
        }
    }
}
