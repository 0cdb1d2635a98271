// The live loop in a process of its own: `LiveLoop.spawn` starts this executable's hidden subcommand, whose output
// (`progress N` lines, then the result as one line of JSON) is written and read back here, side by side. Neighbours:
// `ChildProcess` starts it, `LiveLoopCommand` of the tool is what runs in it.

import SystemPackage

extension LiveLoop {
    /// The hidden subcommand's name.
    public static let subcommand = "live-loop"

    /// Runs the loop in a child process.
    ///
    /// - Parameters:
    ///   - executable: the `quire` tool; by default the program that is running.
    ///   - progress: called with the rounds done, about a hundred times.
    public static func spawn(
        executable: String = "/proc/self/exe", _ parameters: Parameters, progress: (Int) -> Void = { _ in }
    ) throws(LiveError) -> Result {
        var result: Result?
        let status: Int
        do throws(Errno) {
            var child = try ChildProcess(executable: executable, arguments: arguments(for: parameters))
            while let line = try child.nextLine() {
                if let rounds = progressRounds(line) {
                    progress(rounds)
                } else {
                    result = Result(json: line) ?? result
                }
            }
            status = try child.wait()
        } catch {
            throw .system("live loop in a child (\(executable))", error)
        }
        guard status == 0, let result else {
            throw .childFailed("live loop in a child (\(executable)): exit status \(status) without a result")
        }
        return result
    }

    /// The child's arguments.
    public static func arguments(for parameters: Parameters) -> [String] {
        [
            subcommand, "--variant", parameters.variant.rawValue, "--rounds", String(parameters.rounds), "--bytes",
            String(parameters.bytes), "--progress",
        ]
    }

    /// The line that tells a parent how far the loop is.
    public static func progressLine(_ rounds: Int) -> String { "progress \(rounds)" }

    private static func progressRounds(_ line: String) -> Int? {
        line.hasPrefix("progress ") ? Int(line.dropFirst("progress ".count)) : nil
    }
}

extension LiveLoop.Result {
    /// The result as one line of JSON.
    public var json: String {
        JSONText.object([
            .init("bytes", .integer(UInt64(parameters.bytes))),
            .init("rounds", .integer(UInt64(parameters.rounds))),
            .init("halves", .integer(parameters.variant == .halves ? 1 : 0)),
            .init("before_VmSize_kB", .integer(before.vmSize.rawValue)),
            .init("before_VmRSS_kB", .integer(before.vmRSS.rawValue)),
            .init("before_VmPTE_kB", .integer(before.vmPTE.rawValue)),
            .init("before_minflt", .integer(before.minorFaults)),
            .init("after_VmSize_kB", .integer(after.vmSize.rawValue)),
            .init("after_VmRSS_kB", .integer(after.vmRSS.rawValue)),
            .init("after_VmPTE_kB", .integer(after.vmPTE.rawValue)),
            .init("after_minflt", .integer(after.minorFaults)),
            .init("ns", .integer(nanoseconds)),
            .init("ns_per_page", .number(nanosecondsPerPage)),
        ]).text(indented: false)
    }

    /// Reads back what `json` printed; nil for anything else.
    public init?(json: String) {
        guard let values = JSONText.integers(ofFlatObject: json) else { return nil }
        func sample(_ moment: String) -> LiveLoop.Sample? {
            guard let size = values["\(moment)_VmSize_kB"], let rss = values["\(moment)_VmRSS_kB"],
                let tables = values["\(moment)_VmPTE_kB"], let faults = values["\(moment)_minflt"]
            else { return nil }
            return LiveLoop.Sample(
                vmSize: Kilobytes(rawValue: size), vmRSS: Kilobytes(rawValue: rss), vmPTE: Kilobytes(rawValue: tables),
                minorFaults: faults)
        }
        guard let bytes = values["bytes"].flatMap(Int.init(exactly:)),
            let rounds = values["rounds"].flatMap(Int.init(exactly:)), rounds > 0, let halves = values["halves"],
            let before = sample("before"), let after = sample("after"), let nanoseconds = values["ns"]
        else { return nil }
        self.init(
            parameters: .init(bytes: bytes, rounds: rounds, variant: halves == 1 ? .halves : .whole), before: before,
            after: after, nanoseconds: nanoseconds)
    }
}
