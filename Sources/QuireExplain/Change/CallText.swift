// How a line ended, in the notation of strace where it has one.

import QuireWorkload

extension CallReport {
    /// `0`, `0x100000000000`, `-1 ENOMEM`, `SIGSEGV (SEGV_MAPERR at 0x…)`, with what was read behind it.
    var outcomeText: String {
        var text =
            switch outcome {
            case .result(let number): String(number)
            case .address(let address): "0x" + hex(address)
            case .error(let name): "-1 \(name)"
            case .signal(let name, let code, let address): "\(name) (\(code) at 0x\(hex(address)))"
            case .unsupported: "not carried out by the model"
            case .lost(let reason): reason
            case .none: ""
            }
        if let data { text += " " + data.map { $0 < 16 ? "0" + hex(UInt64($0)) : hex(UInt64($0)) }.joined() }
        if let fnv1a64 { text += " fnv1a64 " + hex(fnv1a64) }
        if let value { text += " \(value.split(separator: "\n").first ?? "")" }
        while text.first == " " { text.removeFirst() }
        return text
    }
}
