// `quire bench scale --lines`: which cache lines two CPUs share in each operation of the memory manager, though each works on
// areas of its own, as `Sync` sees it. Deterministic: nothing is timed, and one thread runs both CPUs.

import Quire
import QuireExplore
import QuireHost
import QuireWorkload

extension BenchCommand {
    func showLines() throws {
        let rows = try LineBench().run()
        json ? printJSON(rows) : printTable(rows)
    }

    private func printTable(_ rows: [LineBench.Row]) {
        var table = TextTable([
            ("operation", .left), ("shared line", .left), ("writes", .right), ("reads", .right), ("by", .left),
        ])
        for row in rows {
            if row.lines.isEmpty { table.add([row.operation, "none", "", "", ""]) }
            for line in row.lines {
                table.add([
                    row.operation, line.place, LoopColumn.decimal(line.writes), LoopColumn.decimal(line.reads),
                    line.operations.joined(separator: ", "),
                ])
            }
        }
        print(table.render(), terminator: "")
    }

    private func printJSON(_ rows: [LineBench.Row]) {
        var writer = JSONWriter(to: DescriptorSink(descriptor: 1))
        writer.beginArray(lines: true)
        for row in rows {
            for line in row.lines {
                writer.beginObject()
                writer.key("operation")
                writer.value(row.operation)
                writer.key("line")
                writer.value(line.place)
                writer.key("writes")
                writer.value(decimal: line.writes)
                writer.key("reads")
                writer.value(decimal: line.reads)
                writer.key("by")
                writer.beginArray()
                for operation in line.operations { writer.value(operation) }
                writer.endArray()
                writer.endObject()
            }
        }
        writer.endArray()
        try? writer.flush()
        print("")
    }
}

/// The operations, on two CPUs with an area each, a gibibyte apart.
private struct LineBench {
    struct Row {
        var operation: String
        var lines: [SharedLine]
    }

    private let machine: Machine
    private let process: Process
    private let tasks: [Quire.Task]
    private let starts: [UInt64]
    private static let page: UInt64 = 4096
    private static let table: UInt64 = 2 << 20

    init() throws {
        var configuration = MachineConfiguration()
        configuration.memory = 256 << 20
        configuration.cpus = 2
        configuration.contents = .off
        machine = try Machine(configuration, host: .linux)
        let process = try machine.makeProcess(pid: 1)
        self.process = process
        let starts = (0..<2).map { 0x1000_0000_0000 + UInt64($0) << 30 }
        for start in starts {
            try process.main.mmap(
                start, length: 32 * Self.table, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            // Further on, so that its tables stay whatever becomes of the first one.
            process.main.touchWrite(start + Self.table, 16 * Self.page)
        }
        self.starts = starts
        tasks = (0..<2).map { process.makeTask(tid: 100 + $0, cpu: $0) }
    }

    func run() throws -> [Row] {
        let (page, table) = (Self.page, Self.table)
        var rows = [
            try row("fault, its table there", prepare: { try discard($0, $1 + table, page) }) { task, start in
                task.touchWrite(start + table, page)
            },
            try row("fault that makes its table", prepare: { try discard($0, $1, table) }) { task, start in
                task.touchWrite(start, page)
            },
            try row("MADV_DONTNEED, a page", prepare: { $0.touchWrite($1 + table, page) }) { task, start in
                try discard(task, start + table, page)
            },
            try row("MADV_DONTNEED, 2 MiB and their table", prepare: { $0.touchWrite($1, 16 * page) }) { task, start in
                try discard(task, start, table)
            },
        ]
        let beyond = 256 * table
        func map(_ task: Quire.Task, _ start: UInt64) throws {
            try task.mmap(
                start + beyond, length: 16 * page, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
        }
        rows += [
            try row("mmap", prepare: { try $0.munmap($1 + beyond, 16 * page) }, map),
            try row(
                "munmap, 4 pages there",
                prepare: {
                    try map($0, $1)
                    $0.touchWrite($1 + beyond, 4 * page)
                }
            ) { task, start in try task.munmap(start + beyond, 16 * page) },
            try row("mprotect, split + merge") { task, start in
                try task.mprotect(start + table + page, page, .read)
                try task.mprotect(start + table + page, page, [.read, .write])
            },
            try row("pin + unpin, a page") { task, start in
                try task.unpin(try task.pinPages(start + table + 4 * page, page, .write).handle)
            },
        ]
        rows.append(try forkRow())
        return rows
    }

    private func discard(_ task: Quire.Task, _ start: UInt64, _ length: UInt64) throws {
        try task.madvise(start, length, Advice.dontNeed.rawValue)
    }

    private func row(
        _ operation: String, prepare: (Quire.Task, UInt64) throws -> Void = { _, _ in },
        _ body: (Quire.Task, UInt64) throws -> Void
    ) throws -> Row {
        let lines = try machine.sharedLines(turns: 8) { cpu in
            try prepare(tasks[cpu], starts[cpu])
        } _: { cpu in
            try body(tasks[cpu], starts[cpu])
        }
        return Row(operation: operation, lines: lines)
    }

    /// Both CPUs fork the one process; the child ends on the CPU that made it, uncounted.
    private func forkRow() throws -> Row {
        var child: Process?
        var pid = 10
        let lines = try machine.sharedLines(turns: 8) { cpu in
            child?.makeTask(tid: 1000, cpu: 1 - cpu).exit()
            pid += 1
        } _: { cpu in
            child = try tasks[cpu].fork(pid: pid)
        }
        child?.main.exit()
        return Row(operation: "fork", lines: lines)
    }
}
