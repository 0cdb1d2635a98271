// JSON as a stream, without Foundation: keys come out in the order in which they are written, so that two runs print
// the same bytes. Commas and line breaks are the writer's business, nesting is the caller's.

/// Writes JSON to a sink, a buffer at a time.
///
/// A failing sink is remembered and reported by `flush`; what is written after it is dropped.
public struct JSONWriter {
    private static let chunk = 64 << 10
    private let sink: any ByteSink
    private var buffer: ContiguousArray<UInt8> = []
    private var failure: InputError?
    /// For each open level: whether something is in it already, and whether each element begins a line.
    private var levels: [(filled: Bool, lines: Bool)] = []
    private var afterKey = false

    /// A writer on a sink.
    public init(to sink: any ByteSink) {
        self.sink = sink
        buffer.reserveCapacity(JSONWriter.chunk + 4096)
    }

    /// Writes out what is buffered; throws if the sink failed now or before.
    public mutating func flush() throws(InputError) {
        pass()
        if let failure { throw failure }
    }

    private mutating func pass() {
        if failure == nil && !buffer.isEmpty {
            do throws(InputError) { try sink.write(buffer) } catch { failure = error }
        }
        buffer.removeAll(keepingCapacity: true)
    }

    // MARK: Structure

    /// Opens an object; with `lines`, each member begins a line.
    public mutating func beginObject(lines: Bool = false) { begin(0x7B, lines) }

    /// Closes an object.
    public mutating func endObject() { end(0x7D) }

    /// Opens an array; with `lines`, each element begins a line.
    public mutating func beginArray(lines: Bool = false) { begin(0x5B, lines) }

    /// Closes an array.
    public mutating func endArray() { end(0x5D) }

    private mutating func begin(_ bracket: UInt8, _ lines: Bool) {
        separate()
        buffer.append(bracket)
        levels.append((false, lines))
    }

    private mutating func end(_ bracket: UInt8) {
        if let level = levels.popLast(), level.lines && level.filled { breakLine() }
        buffer.append(bracket)
        if buffer.count >= JSONWriter.chunk { pass() }
    }

    private mutating func breakLine() {
        buffer.append(0x0A)
        for level in levels where level.lines {
            buffer.append(0x20)
            buffer.append(0x20)
        }
    }

    /// The comma, blank or line break before an element.
    private mutating func separate() {
        if afterKey {
            afterKey = false
            return
        }
        guard let level = levels.last else { return }
        if level.filled { buffer.append(0x2C) }
        levels[levels.count - 1].filled = true
        if level.lines { breakLine() } else if level.filled { buffer.append(0x20) }
    }

    /// The name of the member whose value follows.
    public mutating func key(_ name: String) {
        separate()
        quote(name)
        buffer.append(0x3A)
        buffer.append(0x20)
        afterKey = true
    }

    // MARK: Values

    /// A number, or null.
    public mutating func value(_ number: UInt64?) {
        guard let number else { return null() }
        separate()
        append(number)
    }

    /// A signed number.
    public mutating func value(signed number: Int64) {
        separate()
        if number < 0 { buffer.append(0x2D) }
        append(number.magnitude)
    }

    /// A number with three decimals; null for nil and for what is no number.
    public mutating func value(decimal number: Double?) {
        guard let number, number.isFinite, number.magnitude < 1e15 else { return null() }
        separate()
        let thousandths = UInt64((number.magnitude * 1000).rounded())
        if number < 0 && thousandths > 0 { buffer.append(0x2D) }
        append(thousandths / 1000)
        buffer.append(0x2E)
        for unit: UInt64 in [100, 10, 1] { buffer.append(0x30 + UInt8(thousandths / unit % 10)) }
    }

    /// A text, or null.
    public mutating func value(_ text: String?) {
        guard let text else { return null() }
        separate()
        quote(text)
    }

    /// True or false.
    public mutating func value(_ flag: Bool) {
        separate()
        buffer.append(contentsOf: (flag ? "true" : "false").utf8)
    }

    /// Null: what this side cannot observe.
    public mutating func null() {
        separate()
        buffer.append(contentsOf: "null".utf8)
    }

    /// Elements or members that were written before by another writer, in the same notation.
    public mutating func splice(_ spool: Spool) {
        if spool.count == 0 { return }
        separate()
        pass()
        if failure == nil {
            do throws(InputError) { try spool.move(to: sink) } catch { failure = error }
        }
    }

    /// Separates members or elements that are written without an enclosing level, to be spliced later.
    mutating func next(first: Bool) {
        if !first { buffer.append(contentsOf: [0x2C, 0x0A]) }
    }

    /// Ends the text.
    mutating func endLine() { buffer.append(0x0A) }

    private mutating func append(_ number: UInt64) {
        var digits: InlineArray<20, UInt8> = .init(repeating: 0)
        var rest = number
        var at = 20
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            at -= 1
            digits[at] = 0x30 + UInt8(truncatingIfNeeded: digit)
            rest = quotient
        } while rest != 0
        while at < 20 {
            buffer.append(digits[at])
            at += 1
        }
    }

    private mutating func quote(_ text: String) {
        buffer.append(0x22)
        for byte in text.utf8 {
            switch byte {
            case 0x22, 0x5C:
                buffer.append(0x5C)
                buffer.append(byte)
            case 0x0A: buffer.append(contentsOf: [0x5C, 0x6E])
            case 0x09: buffer.append(contentsOf: [0x5C, 0x74])
            case 0..<0x20, 0x7F:
                buffer.append(contentsOf: "\\u00".utf8)
                buffer.append(hex(byte >> 4))
                buffer.append(hex(byte & 15))
            default: buffer.append(byte)
            }
        }
        buffer.append(0x22)
    }
}

/// The ASCII digit of a value below 16.
func hex(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 &+ value : 0x57 &+ value }
