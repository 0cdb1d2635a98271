// Descriptors: what an open file allows, and the two kinds that are no files: a process (pidfd) and the page map of an
// address space (/proc/PID/pagemap). Linux: struct file.

/// What a descriptor refers to.
enum DescriptorTarget {
    case file(Handle<FileRecord>)
    /// A process, also when it has ended.
    case process(Process)
    /// The entries of an address space, by its number: it may have ended.
    case pagemap(UInt32)
}

/// An open descriptor; one of a file holds a reference to it.
struct Descriptor {
    var target: DescriptorTarget
    var canRead: Bool
    var canWrite: Bool
    /// Whether every write goes to the end (O_APPEND).
    var appends = false
    /// Whether it only names the file (O_PATH): no call on contents takes it.
    var isPathOnly = false

    init(
        _ target: DescriptorTarget, canRead: Bool, canWrite: Bool, appends: Bool = false, isPathOnly: Bool = false
    ) {
        self.target = target
        self.canRead = canRead
        self.canWrite = canWrite
        self.appends = appends
        self.isPathOnly = isPathOnly
    }

    /// The file; none where it is something else.
    var file: Handle<FileRecord> {
        if case .file(let file) = target { file } else { .none }
    }
}

extension MachineCore {
    /// Takes one more reference for a copy of a descriptor.
    func hold(_ cpu: CPU, _ descriptor: Descriptor) { if !descriptor.file.isNone { hold(cpu, descriptor.file) } }

    /// Drops a descriptor's reference.
    func release(_ cpu: CPU, _ descriptor: Descriptor) {
        if !descriptor.file.isNone { release(cpu, descriptor.file) }
    }
}
