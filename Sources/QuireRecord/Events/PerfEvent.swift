// One event of `perf script`'s text: an exception, a string argument, a mapping of the image, the birth of a task.
//
// `PerfEvent` is what the merge consumes; `init(line:)` reads the format that `perf script -F pid,tid,time,event,trace
// --ns --show-mmap-events --show-task-events --show-lost-events` writes (perf 5.x and 6.x). perf's counterpart of each
// case is named beside it.

/// An event of the recorded program, or of the launcher that started it.
struct PerfEvent: Equatable {
    /// What happened.
    enum Kind: Equatable {
        /// `exceptions:page_fault_user` and `_kernel`; without tracefs `page-faults`, whose direction is unknown (nil).
        case fault(address: UInt64, write: Bool?, kernelMode: Bool, present: Bool)
        /// `syscalls:sys_enter_*`: `call` got a pointer to a string that strace reads before the kernel does.
        case string(address: UInt64, call: String)
        /// `PERF_RECORD_MMAP2`: part of an executable's image, if it comes while an image is being built.
        case mapping(Mapping)
        /// `PERF_RECORD_COMM exec`: the old address space is gone, the new one begins.
        case exec
        /// `PERF_RECORD_FORK`: `tid` is a new task; a new process if its process id is its own.
        case fork(parent: Int)
        /// `PERF_RECORD_LOST` and `_LOST_SAMPLES`: the ring was full.
        case lost(count: UInt64)
    }

    /// A mapping as `PERF_RECORD_MMAP2` has it.
    struct Mapping: Equatable {
        var start: UInt64
        var length: UInt64
        var offset: UInt64
        /// `rwxp` as in /proc/PID/maps.
        var permissions: String
        /// A file's path, `//anon`, or a name in brackets.
        var path: String
    }

    /// The process (thread group).
    var pid: Int
    /// The task.
    var tid: Int
    /// CLOCK_MONOTONIC, in nanoseconds.
    var time: Int64
    var kind: Kind

    /// Reads one line; nil for lines that carry nothing the recording needs.
    init?(line: String) {
        var cursor = TextCursor(line)
        cursor.skipSpaces()
        guard let pid = cursor.signed(), cursor.consume("/") else { return nil }
        cursor.skipSpaces()
        guard let tid = cursor.signed() else { return nil }
        cursor.skipSpaces()
        guard let time = cursor.nanoseconds(), cursor.consume(":") else { return nil }
        cursor.skipSpaces()
        (self.pid, self.tid, self.time) = (pid, tid, time)
        kind = .exec
        if cursor.consume("exceptions:page_fault_") {
            guard let kind = Self.exception(&cursor) else { return nil }
            self.kind = kind
        } else if cursor.consume("syscalls:sys_enter_") {
            guard let kind = Self.string(&cursor) else { return nil }
            self.kind = kind
        } else if cursor.consume("page-faults") {
            // The software event has the address but neither the direction nor the mode.
            guard cursor.take(until: " ") != nil else { return nil }
            cursor.skipSpaces()
            guard let address = cursor.hexadecimal() else { return nil }
            kind = .fault(address: address, write: nil, kernelMode: false, present: false)
        } else if cursor.consume("PERF_RECORD_") {
            guard let record = Self.record(&cursor) else { return nil }
            kind = record.kind
            // A side-band record names its task itself; the columns before it are those of the CPU's current task.
            if let task = record.task { (self.pid, self.tid) = task }
        } else {
            return nil
        }
    }

    /// `user: address=0x7f8ec2dabb70 ip=... error_code=0x14`: bit 0 protection, bit 1 write.
    private static func exception(_ cursor: inout TextCursor) -> Kind? {
        guard let mode = cursor.take(until: ":") else { return nil }
        cursor.skipSpaces()
        guard cursor.consume("address="), let address = cursor.hexadecimal(),
            let code = field("error_code=", in: cursor.rest)
        else { return nil }
        return .fault(
            address: address, write: code & 2 != 0, kernelMode: mode.hasPrefix("kernel"), present: code & 1 != 0)
    }

    /// `openat: dfd: 0xffffff9c, filename: 0x7f844f47c0b1, flags: ...`: the address of the call's string.
    private static func string(_ cursor: inout TextCursor) -> Kind? {
        guard let call = cursor.take(until: ":") else { return nil }
        let arguments = cursor.rest
        let address: UInt64? =
            switch call {
            case "memfd_create": field("uname: ", in: arguments)
            case "prctl": prctlString(arguments)
            default: field("filename: ", in: arguments)
            }
        guard let address, address != 0 else { return nil }
        return .string(address: address, call: String(call))
    }

    /// prctl has a string only as PR_SET_NAME (arg2) and PR_SET_VMA (arg5, the area's name).
    private static func prctlString(_ arguments: Substring) -> UInt64? {
        switch field("option: ", in: arguments) {
        case 15: field("arg2: ", in: arguments)
        case 0x5356_4d41: field("arg5: ", in: arguments)
        default: nil
        }
    }

    private static func record(_ cursor: inout TextCursor) -> (kind: Kind, task: (Int, Int)?)? {
        if cursor.consume("MMAP") {
            _ = cursor.consume("2")
            guard cursor.consume(" "), let task = task(&cursor), cursor.consume(": ["),
                let start = cursor.hexadecimal(), cursor.consume("("), let length = cursor.hexadecimal(),
                cursor.consume(") @ "), let offset = cursor.hexadecimal(), cursor.take(until: "]") != nil,
                cursor.consume(": "), let permissions = cursor.take(until: " ")
            else { return nil }
            return (
                .mapping(
                    Mapping(
                        start: start, length: length, offset: offset, permissions: String(permissions),
                        path: String(cursor.rest))), task
            )
        }
        if cursor.consume("COMM exec: ") {
            // The name may hold anything, colons too: the ids stand behind the last one.
            guard let colon = cursor.rest.lastIndex(of: ":") else { return nil }
            var tail = TextCursor(cursor.rest[cursor.rest.index(after: colon)...])
            guard let task = task(&tail) else { return nil }
            return (.exec, task)
        }
        if cursor.consume("FORK(") {
            guard let pid = cursor.signed(), cursor.consume(":"), let tid = cursor.signed(), cursor.consume("):("),
                let parent = cursor.signed()
            else { return nil }
            return (.fork(parent: parent), (pid, tid))
        }
        if cursor.consume("LOST") {
            return field("lost ", in: cursor.rest, radix: 10).map { (.lost(count: $0), nil) }
        }
        return nil
    }

    private static func task(_ cursor: inout TextCursor) -> (Int, Int)? {
        guard let pid = cursor.signed(), cursor.consume("/"), let tid = cursor.signed() else { return nil }
        return (pid, tid)
    }

    /// The number behind `name` somewhere in `text`.
    private static func field(_ name: String, in text: Substring, radix: Int = 16) -> UInt64? {
        guard let range = text.firstRange(of: name) else { return nil }
        var cursor = TextCursor(text[range.upperBound...])
        return radix == 16 ? cursor.hexadecimal() : cursor.decimal()
    }
}
