// The calls that change areas, among many, on the live kernel: in a process of its own, started like the live loop by a
// hidden subcommand, since the areas must lie where this process has none and the count of areas is limited. The
// counterpart in the model is `ModelAreas`.

public import QuireWorkload
import SystemPackage

/// Calls on areas, as the live kernel does them.
public enum LiveAreas {
    /// The hidden subcommand's name.
    public static let subcommand = "live-areas"

    /// Maps the areas in this process and times `operations` of each kind on random ones of them.
    public static func run(areas: Int, operations: Int) throws(LiveError) -> AreaTimes {
        let layout = AreaLayout(areas: areas)
        let order = layout.order(operations)
        let (read, write) = (LiveAreaCalls.read, LiveAreaCalls.write)
        var times = AreaTimes()
        defer { for start in layout.starts { try? LiveAreaCalls.unmap(start, length: AreaLayout.pages * 4096) } }
        do throws(Errno) {
            for start in layout.starts {
                try LiveAreaCalls.map(at: start, length: AreaLayout.pages * 4096, read)
            }
            times.protectPair = try AreaTimes.median(order) { (start) throws(Errno) in
                try LiveAreaCalls.protect(AreaLayout.middle(start), length: 4096, read | write)
                try LiveAreaCalls.protect(AreaLayout.middle(start), length: 4096, read)
            }
            times.mapPair = try AreaTimes.median(order) { (_) throws(Errno) in
                let made = try LiveAreaCalls.map(length: 4096, write)
                try LiveAreaCalls.unmap(made, length: 4096)
            }
            times.mapFixedPair = try AreaTimes.median(order) { (start) throws(Errno) in
                try LiveAreaCalls.map(at: AreaLayout.free(start), length: 4096, write)
                try LiveAreaCalls.unmap(AreaLayout.free(start), length: 4096)
            }
        } catch {
            throw .system("\(areas) areas (vm.max_map_count may be too low)", error)
        }
        return times
    }

    /// Runs it in a child process.
    ///
    /// - Parameter executable: the `quire` tool; by default the program that is running.
    public static func spawn(
        executable: String = "/proc/self/exe", areas: Int, operations: Int
    ) throws(LiveError) -> AreaTimes {
        var times: AreaTimes?
        let status: Int
        do throws(Errno) {
            let arguments = [subcommand, "--areas", String(areas), "--operations", String(operations)]
            var child = try ChildProcess(executable: executable, arguments: arguments)
            while let line = try child.nextLine() { times = AreaTimes(line: line) ?? times }
            status = try child.wait()
        } catch {
            throw .system("calls on areas in a child (\(executable))", error)
        }
        guard status == 0, let times else {
            throw .childFailed("calls on \(areas) areas in a child (\(executable)): exit status \(status)")
        }
        return times
    }
}

extension AreaTimes {
    /// The times as one line for the parent, in picoseconds.
    public var line: String {
        func picoseconds(_ value: Double) -> UInt64 { UInt64((value * 1000).rounded()) }
        return JSONText.object([
            .init("protect", .integer(picoseconds(protectPair))), .init("map", .integer(picoseconds(mapPair))),
            .init("map_fixed", .integer(picoseconds(mapFixedPair))),
        ]).text(indented: false)
    }

    /// Reads back what `line` printed; nil for anything else.
    init?(line: String) {
        guard let values = JSONText.integers(ofFlatObject: line), let protect = values["protect"],
            let map = values["map"], let mapFixed = values["map_fixed"]
        else { return nil }
        self.init()
        protectPair = Double(protect) / 1000
        mapPair = Double(map) / 1000
        mapFixedPair = Double(mapFixed) / 1000
    }
}
