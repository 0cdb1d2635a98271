// How each call is written and what its arguments are: one table, from which lines are printed and read, arguments put at
// their edges or made simpler, and C statements made.

/// What an argument means.
enum ArgumentKind: Hashable {
    /// An address; where an area is to come to lie.
    case address, target
    /// Bytes of address space; bytes that are moved.
    case length, count
    case rights, mapFlags, remapFlags, advice, lockFlags, lockAllFlags, syncFlags, memfdFlags, fallocateMode, seals,
        pinFlags
    case descriptor
    /// A place in a file, a file's size.
    case offset, size
    case byte
    /// A plain number.
    case number
    /// The number of a process.
    case child
    /// The number of a pin's handle.
    case handle
    /// A counter, by its place in `HugeKnobs.statistics`.
    case statistic

    /// The names of its bits or, for advice, its values.
    var names: [(name: String, value: UInt64)] {
        switch self {
        case .rights: ArgumentNames.rights
        case .mapFlags: ArgumentNames.mapFlags
        case .remapFlags: ArgumentNames.remapFlags
        case .advice: ArgumentNames.advice
        case .lockFlags: ArgumentNames.lockFlags
        case .lockAllFlags: ArgumentNames.lockAllFlags
        case .syncFlags: ArgumentNames.syncFlags
        case .memfdFlags: ArgumentNames.memfdFlags
        case .fallocateMode: ArgumentNames.fallocateModes
        case .seals: ArgumentNames.seals
        case .pinFlags: ArgumentNames.pinFlags
        default: []
        }
    }
}

/// One place between the commas of a call.
enum FormPiece: Hashable {
    case argument(ArgumentKind)
    /// What stands there always.
    case fixed(String)
    /// Any text in quotation marks; printed as `conform`.
    case anyText
    /// A range as process_madvise takes it: `[{iov_base=…, iov_len=…}]`.
    case vector
    /// A text whose bytes an argument tells, as long as another one says.
    case filledText
}

/// The form of one call.
struct CallForm {
    /// The call's name in a workload file.
    var name: String
    var pieces: [FormPiece]
    /// How many pieces at the end may be missing.
    var optional = 0

    /// The kinds of the arguments in their order. A filled text's byte comes last.
    var kinds: [ArgumentKind] {
        let kinds = pieces.flatMap { piece -> [ArgumentKind] in
            switch piece {
            case .argument(let kind): [kind]
            case .vector: [.address, .length]
            case .fixed, .anyText, .filledText: []
            }
        }
        return pieces.contains(.filledText) ? kinds + [.byte] : kinds
    }

    private init(_ name: String, _ pieces: [FormPiece], optional: Int = 0) {
        self.name = name
        self.pieces = pieces
        self.optional = optional
    }

    private init(_ name: String, _ kinds: ArgumentKind..., optional: Int = 0) {
        self.init(name, kinds.map { .argument($0) }, optional: optional)
    }

    static func of(_ call: OperationCall) -> CallForm { all[call] ?? CallForm(call.rawValue) }

    private static let all: [OperationCall: CallForm] = [
        .mmap: CallForm("mmap", .address, .length, .rights, .mapFlags, .descriptor, .offset),
        .munmap: CallForm("munmap", .address, .length),
        .mprotect: CallForm("mprotect", .address, .length, .rights),
        .mremap: CallForm("mremap", .address, .length, .length, .remapFlags, .target, optional: 1),
        .madvise: CallForm("madvise", .address, .length, .advice),
        .mlock: CallForm("mlock", .address, .length),
        .mlock2: CallForm("mlock2", .address, .length, .lockFlags),
        .munlock: CallForm("munlock", .address, .length),
        .mlockall: CallForm("mlockall", .lockAllFlags),
        .munlockall: CallForm("munlockall"),
        .msync: CallForm("msync", .address, .length, .syncFlags),
        .mincore: CallForm("mincore", .address, .length),
        .brk: CallForm("brk", .address),
        .adviseSelf: CallForm(
            "process_madvise", [.fixed("PIDFD_SELF"), .vector, .fixed("1"), .argument(.advice), .fixed("0")]),
        .store: CallForm("store", .address, .count, .byte),
        .load: CallForm("load", .address, .count),
        .touchWrite: CallForm("touch_write", .address, .length),
        .touchRead: CallForm("touch_read", .address, .length),
        .memfd: CallForm("memfd_create", [.anyText, .argument(.memfdFlags)]),
        .ftruncate: CallForm("ftruncate", .descriptor, .size),
        .fallocate: CallForm("fallocate", .descriptor, .fallocateMode, .offset, .length),
        .pread: CallForm("pread64", .descriptor, .address, .count, .offset),
        .pwrite: CallForm("pwrite64", .descriptor, .address, .count, .offset),
        .readText: CallForm(
            "pread64", [.argument(.descriptor), .fixed("\"\""), .argument(.count), .argument(.offset)]),
        .writeText: CallForm(
            "pwrite64", [.argument(.descriptor), .filledText, .argument(.count), .argument(.offset)]),
        .seal: CallForm("fcntl", [.argument(.descriptor), .fixed("F_ADD_SEALS"), .argument(.seals)]),
        .dup: CallForm("dup", .descriptor),
        .close: CallForm("close", .descriptor),
        .fork: CallForm("fork"),
        .vfork: CallForm("vfork"),
        .clone: CallForm("clone", [.fixed("child_stack=NULL"), .fixed("flags=SIGCHLD")]),
        .exit: CallForm("exit", [.fixed("0")], optional: 1),
        .wait4: CallForm("wait4", [.argument(.child), .fixed("NULL"), .fixed("0"), .fixed("NULL")]),
        .nameArea: CallForm(
            "prctl",
            [
                .fixed("PR_SET_VMA"), .fixed("PR_SET_VMA_ANON_NAME"), .argument(.address), .argument(.length), .anyText,
            ]),
        .knob: CallForm("knob", .number, .number),
        .khugepaged: CallForm("run", [.fixed("khugepaged"), .argument(.number)]),
        .dropCaches: CallForm("write_sys", [.fixed("\"/proc/sys/vm/drop_caches\""), .fixed("\"2\"")]),
        .statistic: CallForm("read_sys", .statistic),
        // The handle's number, which is not among them, comes last.
        .gup: CallForm("gup", .address, .length, .pinFlags),
        .unpin: CallForm("unpin", .handle),
        .disableHugePages: CallForm(
            "prctl",
            [.fixed("PR_SET_THP_DISABLE"), .argument(.number), .argument(.number), .fixed("0"), .fixed("0")]),
    ]

    /// The calls by their name in a workload file; several may have one.
    static let calls = Dictionary(grouping: OperationCall.allCases) { of($0).name }
}
