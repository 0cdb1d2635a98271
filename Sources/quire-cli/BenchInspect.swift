// `quire bench inspect`: how long `quire inspect` takes on a process of 1 TB.

import QuireLive

extension BenchCommand {
    func inspect() throws {
        let measured = try LiveHold.measure(bytes: 1 << 40, pages: 1 << 20, repetitions: repetitions)
        let seconds = Samples(measured.map { Double($0.nanoseconds) / 1e9 })
        print(
            "inspect, 1 TB VIRT, 4 GB RES, 524,288 tables: median \(Self.hundredths(seconds.median)) s, "
                + "min \(Self.hundredths(seconds.least)), max \(Self.hundredths(seconds.most))")
    }

    /// A number with two decimals.
    static func hundredths(_ number: Double) -> String {
        let value = Int((number * 100).rounded())
        return "\(value / 100).\(value % 100 < 10 ? "0" : "")\(value % 100)"
    }
}
