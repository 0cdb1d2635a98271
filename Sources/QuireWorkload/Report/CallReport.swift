// The outcome of one line: a result, an error or a signal, and what the call read or scanned.

/// What one call of the workload came to.
public struct CallReport: Hashable, Sendable {
    /// How a call ends.
    public enum Outcome: Hashable, Sendable {
        /// A number; addresses are unsigned, other results signed.
        case result(Int64)
        case address(UInt64)
        /// An error by its C name.
        case error(String)
        /// A signal with its code, both by their C names, and the faulting address.
        case signal(String, code: String, address: UInt64)
        /// This side does not carry out the call.
        case unsupported
        /// No answer came: `blocked` or `killed`. The process is gone.
        case lost(String)
        /// Nothing beyond the further members (`load`).
        case none
    }

    /// A range that PAGEMAP_SCAN reports.
    public struct Region: Hashable, Sendable {
        public var start: UInt64
        public var end: UInt64
        /// `PAGE_IS_…`, in the order of their bits.
        public var categories: [String]

        /// A range and what holds for its pages.
        public init(start: UInt64, end: UInt64, categories: [String]) {
            self.start = start
            self.end = end
            self.categories = categories
        }
    }

    public var line: Int
    public var pid: Int
    public var call: String
    public var outcome: Outcome
    /// Bytes read, printed in hexadecimal (load of up to 64 bytes, mincore, pread64 into "").
    public var data: [UInt8]?
    /// FNV-1a of a longer load.
    public var fnv1a64: UInt64?
    /// The file of read_sys.
    public var path: String?
    /// The text that read_sys found.
    public var value: String?
    /// Where PAGEMAP_SCAN ended.
    public var walkEnd: UInt64?
    /// What PAGEMAP_SCAN found.
    public var regions: [Region]?
    /// Bytes copied by UFFDIO_COPY, or minus the error.
    public var copy: Int64?
    /// Bytes mapped by UFFDIO_ZEROPAGE, or minus the error.
    public var zeropage: Int64?

    /// The outcome of a line.
    public init(line: Int, pid: Int, call: String, outcome: Outcome) {
        self.line = line
        self.pid = pid
        self.call = call
        self.outcome = outcome
    }
}

/// A line where the model ended differently from the recording.
public struct Divergence: Hashable, Sendable {
    public var line: Int
    public var call: String
    /// What the recording has: `0`, `ENOMEM`.
    public var expected: String
    /// What the model came to.
    public var got: String

    /// A difference from the recording.
    public init(line: Int, call: String, expected: String, got: String) {
        self.line = line
        self.call = call
        self.expected = expected
        self.got = got
    }
}

extension JSONWriter {
    /// A call of the report.
    public mutating func value(_ call: CallReport) {
        beginObject()
        key("line")
        value(signed: Int64(call.line))
        key("pid")
        value(signed: Int64(call.pid))
        key("call")
        value(call.call)
        outcome(call.outcome)
        if let data = call.data {
            key("data")
            var text = ""
            for byte in data {
                text.unicodeScalars.append(Unicode.Scalar(hex(byte >> 4)))
                text.unicodeScalars.append(Unicode.Scalar(hex(byte & 15)))
            }
            value(text)
        }
        if let hash = call.fnv1a64 {
            key("fnv1a64")
            let digits = String(hash, radix: 16)
            value(String(repeating: "0", count: 16 - digits.count) + digits)
        }
        if let path = call.path {
            key("path")
            value(path)
        }
        if let text = call.value {
            key("value")
            value(text)
        }
        scan(call)
        if let copy = call.copy {
            key("copy")
            value(signed: copy)
        }
        if let zeropage = call.zeropage {
            key("zeropage")
            value(signed: zeropage)
        }
        endObject()
    }

    private mutating func outcome(_ outcome: CallReport.Outcome) {
        switch outcome {
        case .none: break
        case .result(let number):
            key("result")
            value(signed: number)
        case .address(let address):
            key("result")
            value(address)
        case .error(let name):
            key("errno")
            value(name)
        case .signal(let name, let code, let address):
            key("signal")
            value(name)
            key("code")
            value(code)
            key("addr")
            value(address)
        case .unsupported:
            key("unsupported")
            value(true)
        case .lost(let reason):
            key("lost")
            value(reason)
        }
    }

    private mutating func scan(_ call: CallReport) {
        if let end = call.walkEnd {
            key("walk_end")
            value(end)
        }
        guard let regions = call.regions else { return }
        key("regions")
        beginArray()
        for region in regions {
            beginObject()
            key("start")
            value(region.start)
            key("end")
            value(region.end)
            key("categories")
            beginArray()
            for category in region.categories { value(category) }
            endArray()
            endObject()
        }
        endArray()
    }
}
