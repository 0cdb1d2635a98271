// What one line came to on the live kernel, and the names of its signals' codes.

import CQuireLive
import QuireWorkload

/// How a line ended.
struct LiveOutcome {
    enum Ending {
        case value(Int64)
        case address(UInt64)
        case error(Int32)
        case signal(Int32, code: Int32, address: UInt64)
        /// Blocked or killed: the process is gone.
        case lost(String)
        /// The runner does not carry out the call.
        case unsupported
        /// Nothing but the details (`load`, `read_sys`).
        case nothing
    }

    var ending: Ending
    var data: [UInt8]?
    var hash: UInt64?
    var path: String?
    var value: String?
    /// What the line's name is bound to, where that is not its result.
    var bound: UInt64?

    init(_ ending: Ending) { self.ending = ending }

    static var done: LiveOutcome { LiveOutcome(.value(0)) }

    /// What an answer comes to.
    init(_ answer: LiveAnswer, isAddress: Bool = false) {
        switch answer {
        case .lost(let reason): self.init(.lost(reason))
        case .reply(let reply, _):
            if reply.signal != 0 {
                self.init(.signal(reply.signal, code: reply.code, address: reply.address))
            } else if reply.error != 0 {
                self.init(.error(reply.error))
            } else if isAddress {
                self.init(.address(UInt64(bitPattern: reply.result)))
            } else {
                self.init(.value(reply.result))
            }
        }
    }

    /// Adds bytes as the report shows them.
    mutating func read(_ bytes: ArraySlice<UInt8>) {
        if bytes.count <= 64 {
            data = Array(bytes)
        } else {
            hash = bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
    }

    /// For the report.
    var reported: CallReport.Outcome {
        switch ending {
        case .value(let value): .result(value)
        case .address(let address): .address(address)
        case .error(let number): .error(ErrorNames.name(of: number))
        case .signal(let signal, let code, let address):
            .signal(signal == 7 ? "SIGBUS" : "SIGSEGV", code: Self.codeName(signal, code), address: address)
        case .lost(let reason): .lost(reason)
        case .unsupported: .unsupported
        case .nothing: .none
        }
    }

    /// For the names of the file.
    var binding: Binding {
        if let bound { return .value(bound) }
        return switch ending {
        case .value(let value): .value(UInt64(bitPattern: value))
        case .address(let address): .value(address)
        case .error(let number): .error(number)
        case .signal(let signal, _, _): .signal(signal)
        case .lost: .signal(9)
        case .unsupported: .error(38)  // ENOSYS
        case .nothing: .value(0)
        }
    }

    private static func codeName(_ signal: Int32, _ code: Int32) -> String {
        let segmentation = ["SEGV_MAPERR", "SEGV_ACCERR", "SEGV_BNDERR", "SEGV_PKUERR"]
        let bus = ["BUS_ADRALN", "BUS_ADRERR", "BUS_OBJERR", "BUS_MCEERR_AR", "BUS_MCEERR_AO"]
        let names = signal == 7 ? bus : segmentation
        if code >= 1, Int(code) <= names.count { return names[Int(code) - 1] }
        return code == 0x80 ? "SI_KERNEL" : String(code)
    }
}
