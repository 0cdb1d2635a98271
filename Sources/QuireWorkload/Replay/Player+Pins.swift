// gup and unpin: pages pinned as a driver would, until their handle is given back.

import Quire

extension Player {
    /// gup(addr, n, flags) and unpin(handle).
    func pin(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        let first = try number(s, 0)
        if s.call == .unpin {
            return .of { () throws(Errno) in try actor.task.unpin(Int(truncatingIfNeeded: first)) }
        }
        let length = try number(s, 1)
        let flags = s.argumentCount > 2 ? try number(s, 2) : 0
        do throws(Errno) {
            let range = try actor.task.pinPages(
                first, length, FollowFlags(rawValue: UInt32(truncatingIfNeeded: flags)))
            return Outcome(.value(UInt64(range.handle)))
        } catch {
            return Outcome(.error(error))
        }
    }
}
