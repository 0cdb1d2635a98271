// A scene on a real machine: one process, prepared once; then every run starts from that checkpoint, with a task of the
// process on each simulated CPU. What a run came to is asked of the machine when all have ended.

public import Quire

/// What scenes are made with, from outside.
public enum SceneTerms {
    /// The least number of CPUs that take part; those beyond the scene's own repeat what the first ones do.
    @TaskLocal public static var threads: Int?
}

/// A machine to explore, with what each of its CPUs does.
///
///     let scene = try MachineScene(cpus: 2, host: .linux) { task in
///         try task.mmap(0x1000_0000_0000, length: 2 << 20, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
///     }
///     scene.cpu(0, "madvise(MADV_DONTNEED)") { task in
///         try? task.madvise(0x1000_0000_0000, 2 << 20, Advice.dontNeed.rawValue)
///     }
///     scene.cpu(1, "store") { task in _ = task.storeByte(0x1000_0000_0000, 1) }
///     let result = Explorer().explore(scene.scene { process in "\(process.status().pageTables)" })
public final class MachineScene {
    /// The machine.
    public let machine: Machine
    /// The process whose tasks run.
    public let process: Process
    /// What the core does without.
    public var omissions: Omissions
    /// What came of a run, where the scene itself knows; else `scene` is told.
    public var outcome: ((Process) -> String)?
    private let checkpoint: MachineCheckpoint
    /// The bytes that are copied back before each run.
    public var bytes: Int { checkpoint.bytes }
    private var acts: [(title: String, body: (Task) -> Void)] = []
    /// The tasks of the present run, by CPU.
    private var tasks: [Task] = []
    private var hook: ScheduleHook?
    private var runs = RunsOfAMachine()

    /// Makes the machine and prepares it on CPU 0. `warm` comes last, with a task on each CPU: what
    /// it touches is what the CPU's TLB knows at the beginning. Throws what they throw.
    public init(
        cpus: Int, host: Host, without omissions: Omissions = .none,
        configure: (inout MachineConfiguration) -> Void = { _ in }, prepare: (Task) throws -> Void,
        warm: (Task) throws -> Void = { _ in }
    ) throws {
        var configuration = MachineConfiguration()
        configuration.memory = 16 << 20
        configuration.cpus = max(cpus, SceneTerms.threads ?? 0)
        configuration.contents = .off
        configure(&configuration)
        self.omissions = omissions
        machine = try Machine(configuration, host: host)
        process = try machine.makeProcess(pid: 1)
        try prepare(process.main)
        try Self.fillLists(machine, cpus: machine.configuration.cpus)
        // They run this process again.
        for cpu in 0..<machine.configuration.cpus {
            let task = process.makeTask(tid: 300 + cpu, cpu: cpu)
            task.schedule()
            try warm(task)
        }
        checkpoint = machine.checkpoint()
    }

    deinit { runs.end(machine) }

    /// Lets every CPU have free frames of its own, as on a machine that has run for a while: to fill a list takes a hundred
    /// steps and more, in which nothing of the scene happens.
    static func fillLists(_ machine: Machine, cpus: Int) throws {
        let other = try machine.makeProcess(pid: 1 << 22)
        for cpu in 0..<cpus {
            let task = other.makeTask(tid: 200 + cpu, cpu: cpu)
            let start = try task.mmap(length: 4 << 20, protection: [.read, .write], flags: [.private, .anonymous])
            // Page by page, whatever folios the scene allows.
            try task.madvise(start, 4 << 20, Advice.noHugePage.rawValue)
            task.touchWrite(start, 4 << 20)
            try task.munmap(start, 4 << 20)
        }
        other.main.exit()
    }

    /// Says what a CPU does, and what a diagram calls it; CPUs are numbered from 0, in the order of the calls.
    public func cpu(_ number: Int, _ title: String = "", _ body: @escaping (Task) -> Void) {
        precondition(number == acts.count, "say what CPU \(acts.count) does first")
        acts.append((title, body))
    }

    /// The scene; `outcome` looks at the process after each run, whose invariants have been checked.
    public func scene(_ outcome: @escaping (Process) -> String) -> Scene {
        let given = acts.count
        while acts.count < SceneTerms.threads ?? 0 { acts.append(acts[acts.count % given]) }
        // `reset` keeps this object; what runs on a strand must not.
        let me = Borrowed(self)
        return Scene(
            reset: { [self] hook in reset(hook) },
            bodies: acts.indices.map { number in { me.use { $0.act(number) } } },
            outcome: { me.use { $0.look(outcome) } },
            inspect: { [machine] event, strand in machine.brokenUse(event, by: strand) },
            describe: { [machine] event in machine.describe(event) })
    }

    private func reset(_ hook: ScheduleHook?) {
        self.hook = hook
        guard let hook else { return machine.explore(with: nil) }
        runs.begin()
        machine.restore(checkpoint)
        tasks = acts.indices.map { process.makeTask(tid: 100 + $0, cpu: $0) }
        machine.explore(with: hook, without: omissions)
    }

    private func look(_ outcome: @escaping (Process) -> String) -> String {
        machine.pauseExploration()
        if !process.hasExited { process.checkInvariants() }
        let text = (self.outcome ?? outcome)(process)
        machine.requireNothingLeft()
        runs.completed()
        return text
    }

    private func act(_ number: Int) {
        if !acts[number].title.isEmpty { hook?.noted(.label(acts[number].title), on: machine.cpu(number)) }
        acts[number].body(tasks[number])
    }
}
