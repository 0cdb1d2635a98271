// One execve in the merge. perf's order is: exceptions of the old address space (the kernel reads the arguments), the
// exec event, mappings and kernel-mode exceptions of the new image, the first user-mode fault. strace's line is stamped
// at the entry, or torn into an `unfinished` and a `resumed` one. The file has:
//
//     touch ... # kernel mode          (old address space; a vfork child's are its parent's)
//     execve(...) = 0                  (or `resumed`)
//     ... # image
//
// so a line that is complete at entry is held until the exec event, and an image until its end is seen.

extension Merger {
    /// Where a process's execve stands.
    enum Exec {
        /// The complete line, waiting for the exec event.
        case held(StraceLine)
        /// The `unfinished` line is written, neither `resumed` nor the exec event has come.
        case begun(StraceLine)
        /// The exec event has come; `resumed` has not, if it was torn.
        case building(ImageBuilder, torn: Bool)
    }

    mutating func logExec(_ line: StraceLine) throws {
        let pid = process(of: line.tid)
        try closeExec(pid)
        // The first line of the log: the program itself. What comes before its exec event is the launcher's.
        setRoot(pid)
        if case .unfinished = line.kind {
            execs[pid] = .begun(line)
            try emit(redactor.line(line.text))
        } else if line.succeeded {
            noteProgram(line)
            execs[pid] = .held(line)
        } else {
            try emit(redactor.line(line.text))
        }
    }

    /// `<... execve resumed>) = 0`: the image follows. It may come before or after the merge has seen the exec event.
    mutating func resumeExec(_ line: StraceLine) throws {
        let pid = process(of: line.tid)
        try emit(redactor.line(line.text))
        guard case .building(let image, torn: true) = execs[pid] else {
            execs[pid] = nil
            return
        }
        execs[pid] = .building(image, torn: false)
        try closeExec(pid)
    }

    mutating func execHappened(_ event: PerfEvent) throws {
        switch execs[event.pid] {
        case .held(let line):
            try emit(redactor.line(line.text))
            execs[event.pid] = .building(image(for: line, event), torn: false)
            gotOwnImage(event.pid)
        case .begun(let line):
            execs[event.pid] = .building(image(for: line, event), torn: true)
            noteProgram(line)
            gotOwnImage(event.pid)
        case .building, nil:
            break
        }
    }

    mutating func addToImage(_ mapping: PerfEvent.Mapping, _ event: PerfEvent) {
        guard case .building(var image, let torn) = execs[event.pid], mapping.start >> 63 == 0 else { return }
        image.add(mapping, time: event.time)
        execs[event.pid] = .building(image, torn: torn)
    }

    /// True if the fault belongs to an image that is being built.
    mutating func addToImage(address: UInt64, write: Bool, _ event: PerfEvent) -> Bool {
        guard case .building(var image, let torn) = execs[event.pid] else { return false }
        image.addTouch(address: address, write: write, time: event.time)
        execs[event.pid] = .building(image, torn: torn)
        return true
    }

    /// Ends an image: the program runs. A held line stays where another thread of the old program may have faulted.
    mutating func closeImage(_ pid: Int) throws {
        if case .building(_, torn: false) = execs[pid] { try closeExec(pid) }
    }

    /// Ends whatever execve is under way: the process's next line has come, or the recording is over.
    mutating func closeExec(_ pid: Int) throws {
        switch execs.removeValue(forKey: pid) {
        case .held(let line):
            // No exec event came: it was lost, and the image with it.
            try emit(redactor.line(line.text))
            gotOwnImage(pid)
        case .building(let image, _):
            for path in image.paths { noteFile(path) }
            var names = redactor
            let offset = clockOffset
            let lines = image.lines(
                clock: { $0 + offset }, name: { names.name($0) }, firstSegment: firstSegment)
            counts.faults["image lines", default: 0] += lines.count
            for line in lines { try emit(line) }
        case .begun, nil:
            break
        }
    }

    /// What the strings at the top of the new stack take: a terminator, the file's name, environment, arguments.
    private func image(for line: StraceLine, _ event: PerfEvent) -> ImageBuilder {
        let literals = RecordingLine.literals(in: line.body).map { RecordingLine.unquoted(line.body[$0]).utf8.count }
        let strings = literals.reduce(UInt64(8)) { $0 + UInt64($1) + 1 }
        return ImageBuilder(tid: event.pid, stringBytes: strings + environmentBytes)
    }

    private mutating func noteProgram(_ line: StraceLine) {
        guard let range = RecordingLine.literals(in: line.body).first else { return }
        noteFile(RecordingLine.unquoted(line.body[range]))
    }
}
