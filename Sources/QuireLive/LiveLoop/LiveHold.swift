// A process of a known shape to inspect: it maps much, touches a little of it evenly, and holds still until it is ended.
// For measuring `quire inspect` on what its users have. Started like the live loop, by a hidden subcommand.

import SystemPackage

/// A live process with a large address space.
public enum LiveHold {
    /// The hidden subcommand's name.
    public static let subcommand = "live-hold"

    /// How long one inspection took, and what it found.
    public struct Measurement: Sendable {
        public var nanoseconds: UInt64
        public var report: InspectReport
    }

    /// What such a process maps.
    public struct Shape: Sendable {
        /// Bytes of the area that is touched.
        public var bytes: Int
        /// Pages of it that are written to, spread evenly.
        public var pages: Int
        /// Whether they are given back then, half a table's span at a time: too little for the kernel to free the tables.
        public var isEmptied: Bool
        /// Bytes of an area that is not touched; 0: there is none.
        public var untouchedBytes: Int

        public init(bytes: Int, pages: Int, isEmptied: Bool = false, untouchedBytes: Int = 0) {
            self.bytes = bytes
            self.pages = pages
            self.isEmptied = isEmptied
            self.untouchedBytes = untouchedBytes
        }
    }

    /// Such a process, ended with this value.
    public struct Child: ~Copyable {
        public let pid: Int
        /// Its areas: the one that was touched, and the other one.
        public let touched: Range<UInt64>
        public let untouched: Range<UInt64>
        private let process: ChildProcess

        fileprivate init(_ process: consuming ChildProcess, _ areas: [Range<UInt64>]) {
            pid = Int(process.pid)
            (touched, untouched) = (areas[0], areas[1])
            self.process = process
        }
    }

    /// Maps, says on standard output where, and waits for its end.
    public static func run(_ shape: Shape) throws(LiveError) {
        do throws(Errno) {
            let page = LiveMapping.pageSize
            let mapping = try LiveMapping(length: shape.bytes)
            try? mapping.advise(0..<mapping.length, .noHugePage)
            let untouched = try LiveMapping(length: max(shape.untouchedBytes, page))
            let stride = max(page, shape.bytes / max(shape.pages, 1) / page * page)
            var at = 0
            for _ in 0..<shape.pages where at < shape.bytes {
                mapping.touch(at..<at + page)
                at += stride
            }
            if shape.isEmptied {
                for start in Swift.stride(from: 0, to: mapping.length, by: 1 << 20) {
                    try mapping.advise(start..<min(start + (1 << 20), mapping.length), .dontNeed)
                }
            }
            for range in [mapping.range, untouched.range] { print(range.lowerBound, range.upperBound) }
            flushStandardOutput()
            while !InterruptFlag.wait(seconds: 3600) {}
        } catch {
            throw .system("a process to inspect", error)
        }
    }

    /// Starts such a process and waits until it holds still. `executable` is `quire`.
    public static func start(_ shape: Shape, executable: String = "/proc/self/exe") throws(LiveError) -> Child {
        var arguments = [subcommand, "--bytes", String(shape.bytes), "--pages", String(shape.pages)]
        arguments += ["--untouched-bytes", String(shape.untouchedBytes)]
        if shape.isEmptied { arguments.append("--emptied") }
        var areas: [Range<UInt64>] = []
        do throws(Errno) {
            var process = try ChildProcess(executable: executable, arguments: arguments)
            while areas.count < 2, let line = try process.nextLine() {
                let numbers = line.split(separator: " ").compactMap { UInt64($0) }
                guard numbers.count == 2, numbers[0] <= numbers[1] else { break }
                areas.append(numbers[0]..<numbers[1])
            }
            if areas.count == 2 { return Child(process, areas) }
        } catch {
            throw .system("a process to inspect (\(executable))", error)
        }
        throw .childFailed("the process to inspect did not start (\(executable))")
    }

    /// Starts such a process, inspects it `repetitions` times, and ends it.
    public static func measure(
        executable: String = "/proc/self/exe", bytes: Int, pages: Int, repetitions: Int
    ) throws(LiveError) -> [Measurement] {
        let child = try start(Shape(bytes: bytes, pages: pages), executable: executable)
        var measurements: [Measurement] = []
        for _ in 0..<repetitions {
            let begin = monotonicNanoseconds()
            let report = try Inspector().inspect(child.pid)
            measurements.append(Measurement(nanoseconds: monotonicNanoseconds() - begin, report: report))
        }
        return measurements
    }
}
