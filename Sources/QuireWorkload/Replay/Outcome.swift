// What one line came to, inside the engine: small enough to be returned in registers for the lines that make up a
// recording, with a box for the rest. `conclude` compares it with the recording, binds it and reports it.

import Quire

/// How a line ended.
struct Outcome {
    enum Ending {
        /// A number.
        case value(UInt64)
        case address(UInt64)
        case error(Errno)
        /// The access cannot be served.
        case signal(SignalCode, address: UInt64)
        /// Memory is used up: the process is gone.
        case killed
        /// The model does not carry out the call.
        case unsupported
        /// The result is the outside world's: taken from the recording, never compared.
        case recorded
        /// Nothing but the details (`load`, `read_sys`).
        case nothing
        /// Not reported at all.
        case ignored
    }

    var ending: Ending
    var details: Details?

    init(_ ending: Ending, _ details: Details? = nil) {
        self.ending = ending
        self.details = details
    }

    static var done: Outcome { Outcome(.value(0)) }

    /// A call that returns 0 or fails.
    @inline(__always)
    static func of(_ body: () throws(Errno) -> Void) -> Outcome {
        do throws(Errno) {
            try body()
            return .done
        } catch {
            return Outcome(.error(error))
        }
    }

    /// A call that returns a number or fails.
    static func value(_ body: () throws(Errno) -> UInt64) -> Outcome {
        do throws(Errno) { return Outcome(.value(try body())) } catch { return Outcome(.error(error)) }
    }

    /// What an access comes to.
    @inline(__always)
    init(_ access: AccessOutcome) {
        switch access {
        case .done: self.init(Ending.value(0))
        case .signal(let code, let address): self.init(Ending.signal(code, address: address))
        case .killed: self.init(Ending.killed)
        }
    }
}

/// What a line read.
final class Details {
    var data: [UInt8]?
    var hash: UInt64?
    var path: String?
    var value: String?
    /// What the line's name is bound to, where that is not its result.
    var bound: UInt64?

    init(data: [UInt8]? = nil, path: String? = nil, value: String? = nil) {
        self.data = data
        self.path = path
        self.value = value
    }
}
