// store and load: what a program does to its memory, byte by byte. The bytes of a short load are in the report, a
// longer one's hash. (`touch_read` and `touch_write` are in `execute`: they are most of a recording.)

import Quire

extension Details {
    /// The longest data that a report prints in full.
    static let mostData = 64

    /// Bytes as the report shows them.
    convenience init(reading bytes: [UInt8]) {
        self.init()
        if bytes.count <= Details.mostData {
            data = bytes
        } else {
            hash = bytes.reduce(FNV.start) { FNV.adding($1, to: $0) }
        }
    }
}

/// FNV-1a, 64 bits.
enum FNV {
    static let start: UInt64 = 0xCBF2_9CE4_8422_2325

    @inline(__always)
    static func adding(_ byte: UInt8, to hash: UInt64) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
}

extension Player {
    /// store and load.
    func access(_ s: Statement, _ actor: Actor) throws(ParseError) -> Outcome {
        let (address, count) = (try number(s, 0), try number(s, 1))
        if s.call == .store {
            let byte = s.argumentCount > 2 ? try number(s, 2) : 0
            return Outcome(actor.task.store(address, count, UInt8(truncatingIfNeeded: byte)))
        }
        var bytes: [UInt8] = []
        var hash = FNV.start
        var value: UInt64 = 0
        var read = 0
        let access = actor.task.load(address, count) { byte in
            hash = FNV.adding(byte, to: hash)
            if read < 8 { value |= UInt64(byte) << UInt64(8 * read) }
            if read < Details.mostData { bytes.append(byte) }
            read &+= 1
        }
        guard access == .done else { return Outcome(access) }
        let details = Details()
        // A name stands for the bytes as a little-endian number.
        details.bound = value
        if count <= UInt64(Details.mostData) { details.data = bytes } else { details.hash = hash }
        return Outcome(.nothing, details)
    }
}
