// prctl: the options that bear on memory. The others are the program's own affair.

import Quire

/// Options of prctl.
private enum ProcessOption {
    static let setHugePagesDisabled: UInt64 = 41
    static let getHugePagesDisabled: UInt64 = 42
    static let setMemoryMerge: UInt64 = 67
    static let getMemoryMerge: UInt64 = 68
    static let setArea: UInt64 = 0x5356_4D41
}

extension Player {
    /// prctl.
    func prctl(_ s: Statement, _ actor: Actor) -> Outcome {
        let task = actor.task
        func argument(_ index: Int) -> UInt64 { s.integer(index) ?? 0 }
        func rest(from index: Int) -> [UInt64] { (index..<5).map(argument) }
        guard let option = s.integer(0).map({ $0 & 0xFFFF_FFFF }) else { return Outcome(.recorded) }
        switch option {
        case ProcessOption.setMemoryMerge:
            return .of { () throws(Errno) in try task.setMemoryMerge(argument(1), rest(from: 2)) }
        case ProcessOption.getMemoryMerge:
            return .value { () throws(Errno) in try task.memoryMerge(rest(from: 1)) }
        case ProcessOption.setHugePagesDisabled:
            return .of { () throws(Errno) in
                try task.setHugePagesDisabled(argument(1), flags: argument(2), rest(from: 3))
            }
        case ProcessOption.getHugePagesDisabled:
            return .value { () throws(Errno) in try task.hugePagesDisabled(rest(from: 1)) }
        case ProcessOption.setArea where s.result == .none:
            // It knows one attribute, the name.
            guard argument(1) == 0 else { return Outcome(.error(.EINVAL)) }
            return .of { () throws(Errno) in try task.setAreaName(argument(2), argument(3), s.string(4)) }
        default:
            return s.result == .none ? Outcome(.unsupported) : Outcome(.recorded)
        }
    }
}
