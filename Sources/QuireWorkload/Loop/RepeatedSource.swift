// A long recording made of a short one: its lines over and over, without those that end processes. For measuring how
// fast a replay runs when it runs long.

/// The lines of a recording, repeated.
public final class RepeatedSource: ByteSource {
    private var body: ContiguousArray<UInt8> = []
    private let repetitions: Int
    private var repetition = 0
    private var position = 0
    /// The lines of all repetitions together.
    public private(set) var lines = 0

    /// Repeats a recording until there are at least `lines` lines. Throws where it cannot be read.
    public init(path: String, lines wanted: Int) throws(InputError) {
        let source = try FileSource(path: path)
        var buffer = ContiguousArray<UInt8>(repeating: 0, count: 1 << 16)
        var line: ContiguousArray<UInt8> = []
        var count = 0
        while true {
            let got = try source.read(into: &buffer, at: 0, limit: buffer.count)
            if got == 0 { break }
            for byte in buffer[0..<got] {
                line.append(byte)
                guard byte == 0x0A else { continue }
                if !Self.endsSomething(line) {
                    body.append(contentsOf: line)
                    count += 1
                }
                line.removeAll(keepingCapacity: true)
            }
        }
        repetitions = count == 0 ? 0 : (wanted + count - 1) / count
        lines = count * repetitions
    }

    /// A process that ended could not begin again.
    private static func endsSomething(_ line: ContiguousArray<UInt8>) -> Bool {
        let text = String(decoding: line.prefix(64), as: UTF8.self)
        return text.contains("exit_group(") || text.contains("+++ ") || text.contains("snapshot(")
    }

    public func read(into buffer: inout ContiguousArray<UInt8>, at offset: Int, limit: Int) -> Int {
        if position == body.count {
            position = 0
            repetition += 1
        }
        guard repetition < repetitions else { return 0 }
        let count = min(limit, body.count - position)
        for index in 0..<count { buffer[offset + index] = body[position + index] }
        position += count
        return count
    }
}
