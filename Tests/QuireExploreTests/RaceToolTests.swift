// What surrounds the search: schedules as files, shorter schedules, drawings, several cores, litmus files, what ends a run
// early.

import Quire
import QuireExplore
import QuireHost
import QuireWorkload
import Testing

private let discardAgainstStore = """
    # a writer and MADV_DONTNEED
    a = mmap(0x100000000000, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
    store(a, 1, 5)
    t = thread()
    parallel
    madvise(a, 2M, MADV_DONTNEED)
    [t] store(a, 1, 7)
    [t] r1 = load(a, 1)
    end
    r2 = load(a, 1)
    expect r1 == 7 || r1 == 0
    never r2 == 5
    never r1 == 0
    """

@Suite struct RaceToolTests {
    private func litmus(_ text: String) throws -> LitmusScene { try LitmusScene(LitmusFile(text: text)) }

    // MARK: Litmus files

    @Test func litmusFileGivesEveryOutcomeAndJudgesIt() throws {
        let file = try LitmusFile(text: discardAgainstStore)
        #expect(file.title == "a writer and MADV_DONTNEED")
        #expect(file.sequences.count == 2 && file.judgements.count == 3)
        let judged = JudgedOutcomes()
        let result = Explorer(.dpor).explore(try LitmusScene(file, judged: judged).scene)
        #expect(result.isExhausted)
        #expect(Set(result.outcomes.keys) == ["r1=0x0 r2=0x0", "r1=0x7 r2=0x0", "r1=0x7 r2=0x7"])
        #expect(judged["r1=0x0 r2=0x0"] == [2])
        #expect(judged["r1=0x7 r2=0x7"] == [])
    }

    @Test func fullAndReducedSearchAgreeOnTheMemoryManager() throws {
        let reduced = Explorer(.dpor).explore(try litmus(discardAgainstStore).scene)
        let full = Explorer(.exhaustive(preemptions: 2)).explore(try litmus(discardAgainstStore).scene)
        #expect(full.isExhausted && Set(full.outcomes.keys) == Set(reduced.outcomes.keys))
        #expect(reduced.executions * 10 < full.executions)
    }

    @Test(arguments: [
        ("munmap(0x100000000000, 4K)\n", 1, 1, "expected a 'parallel' block"),
        ("parallel\nmunmap(0x100000000000, 4K)\n", 2, 1, "expected 'end' after 'parallel'"),
        ("parallel\nend\n", 2, 1, "expected lines between 'parallel' and 'end'"),
        ("expect 1 == 1\nparallel\n", 1, 1, "expected 'end' before a condition"),
        ("parallel\nr = mumap(1, 2)\nend\n", 2, 5, "expected a call that the model knows"),
        ("parallel\nr1 = load(1, 2)\nend\nexpect r2 == 1\n", 4, 8, "expected a known name, found 'r2'"),
        ("parallel\nr1 = load(1, 2)\nend\nr2 = snapshot(\"a\")\n", 4, 6, "expected a call that has a result to bind"),
        (
            "t = thread()\nparallel\nq = mmap(1, 2)\n[t]  r1 = load(q + 1, 2)\nend\n", 4, 16,
            "expected a name bound before the block or by the same thread, found 'q'"
        ),
        (
            "parallel\nc = fork()\n[c] load(1, 2)\nend\n", 3, 2,
            "expected a process or thread that was made before the block, found 'c'"
        ),
    ])
    func brokenLitmusFileNamesThePlace(_ text: String, _ line: Int, _ column: Int, _ message: String) {
        do {
            _ = try LitmusFile(text: text)
            Issue.record("it is taken")
        } catch {
            #expect(error.line == line && error.column == column && error.message == message, "\(error)")
        }
    }

    private static let page = """
        x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
        t = thread()

        """

    /// It was an outcome that no verdict called broken: the file's conditions "held in all executions".
    @Test(arguments: [Strategy.dpor, .exhaustive(preemptions: 1), .random(seed: 1)], [1, 2])
    func aLineThatCannotBePlayedEndsTheSearchWithItsPlace(_ strategy: Strategy, _ workers: Int) throws {
        let file = try LitmusFile(
            text: Self.page + "parallel\nr1 = load(x)\n[t] store(x, 1, 1)\nend\nexpect r1 == 0\n", file: "a.q")
        let result = try Explorer(strategy).explore(workers: workers) { try LitmusScene(file).scene }
        #expect("\(try #require(result.failure))" == "a.q:4:6: expected a number as argument 2 of load")
        #expect(result.outcomes.isEmpty && result.executions == 0 && !result.isExhausted)
    }

    @Test func aLineBehindTheBlockThatCannotBePlayedIsAnErrorToo() throws {
        let file = try LitmusFile(
            text: Self.page + "parallel\nc = fork()\n[t] store(x, 1, 1)\nend\n[c] exit(0)\n[c] r1 = load(x, 1)\n",
            file: "a.q")
        let scene = try LitmusScene(file).scene
        let message = "a.q:8:1: expected a process that runs; this one has exited"
        #expect("\(try #require(Explorer().explore(scene).failure))" == message)
        #expect("\(try #require(Explorer().replay(scene, Schedule(choices: [])).failure))" == message)
    }

    @Test func threadsThatEndTheirProcessInTheBlockAreRefused() throws {
        let file = try LitmusFile(
            text: Self.page + "parallel\nexit_group(0)\n[t] r1 = load(x, 1)\nend\n", file: "a.q")
        let error = #expect(throws: ParseError.self) { try LitmusScene(file) }
        #expect(error?.line == 4 && error?.column == 1)
    }

    /// It counted as holding, or was judged by what the run before had bound.
    @Test func aConditionOnALineThatDidNotRunIsAnError() throws {
        let text = """
            # machine: machine.memory=4M
            x = mmap(0x100000000000, 64M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_NORESERVE, -1, 0)
            c = fork()
            parallel
            [c] touch_write(x, 16M)
            [c] r1 = load(x, 1)
            end

            """
        let scene = try LitmusScene(LitmusFile(text: text, file: "a.q")).scene
        #expect(Explorer(.exhaustive(preemptions: 0)).explore(scene).outcomes.keys.sorted() == ["r1=?"])
        let judged = try LitmusScene(LitmusFile(text: text + "never 1 == 2 || r1 == 1\n", file: "a.q")).scene
        #expect(
            "\(try #require(Explorer().explore(judged).failure))"
                == "a.q:8:17: expected a name that has a value in every outcome; the line of 'r1' did not run")
    }

    @Test func aConditionMayAskForWhatStandsBeforeTheBlock() throws {
        let file = try LitmusFile(
            text: Self.page + "parallel\nr1 = load(x, 1)\nend\nexpect x == 0x100000000000 && t > 1\n", file: "a.q")
        let judged = JudgedOutcomes()
        let result = Explorer().explore(try LitmusScene(file, judged: judged).scene)
        #expect(result.outcomes.keys.sorted() == ["r1=0x0"] && judged["r1=0x0"] == [])
    }

    @Test func aThreadThatWasNeverMadeIsNamed() throws {
        let text = "munmap(0x100000000000, 4K)\nparallel\n[t] munmap(0x100000000000, 4K)\nend\n"
        #expect(throws: ParseError.self) { try LitmusFile(text: text) }
    }

    @Test func childrenOfABlockAreLookedAtToo() throws {
        let result = Explorer(.dpor).explore(
            try litmus(
                """
                a = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
                store(a, 1, 1)
                t = thread()
                parallel
                c = fork()
                [t] store(a, 1, 2)
                end
                [c] r1 = load(a, 1)
                r2 = load(a, 1)
                """
            ).scene)
        #expect(result.isExhausted)
        #expect(Set(result.outcomes.keys) == ["r1=0x1 r2=0x2", "r1=0x2 r2=0x2"])
    }

    // MARK: Schedules

    @Test func aSavedScheduleReadsBackAndReplaysAHundredTimes() throws {
        let scene = try litmus(discardAgainstStore).scene
        let result = Explorer(.random(seed: 3), budget: 300).explore(scene)
        for (outcome, found) in result.outcomes {
            let file = ScheduleFile(
                subject: "a.q", variant: nil, outcome: outcome, hasStoreBuffers: false, ablated: ["pte"],
                schedule: found.schedule)
            #expect(try ScheduleFile(text: file.text) == file)
            for _ in 0..<100 {
                let again = Explorer().replay(scene, found.schedule)
                #expect(again.outcome == outcome && again.fits)
            }
        }
    }

    @Test(arguments: [
        ("nonsense\n", 1), ("# quire schedule 1\nsubject a\n", 2), ("# quire schedule 1\nsubject: a\n", 3),
        ("# quire schedule 1\nsubject: a\nchoices: 0 x\n", 3),
    ])
    func aBrokenScheduleNamesTheLine(_ text: String, _ line: Int) {
        do {
            _ = try ScheduleFile(text: text)
            Issue.record("it is taken")
        } catch { #expect(error.line == line) }
    }

    @Test func aScheduleOfAnotherSceneDoesNotFit() throws {
        let words = LitmusWords(count: 1, cpus: 2, host: .linux)
        let scene = Scene(
            reset: { words.reset(hook: $0) },
            bodies: [{ words.add(words.cpu(0), 0, 1) }, { words.add(words.cpu(1), 0, 1) }],
            outcome: { "\(words[0])" })
        #expect(!Explorer().replay(scene, Schedule(choices: [7, 7])).fits)
    }

    @Test func minimisedSchedulesHaveTheFewestPreemptions() throws {
        let scene = try litmus(discardAgainstStore).scene
        let result = Explorer(.dpor).explore(scene)
        var least: [String: Int] = [:]
        for (outcome, found) in result.outcomes {
            let shorter = Explorer().minimise(scene, outcome, from: found)
            #expect(shorter.isLeast)
            #expect(Explorer().replay(scene, shorter.schedule).outcome == outcome)
            least[outcome] = shorter.preemptions
        }
        #expect(least == ["r1=0x0 r2=0x0": 1, "r1=0x7 r2=0x0": 0, "r1=0x7 r2=0x7": 0])
    }

    // MARK: Drawings

    @Test func aRunIsDrawnInColumns() throws {
        let scene = try litmus(discardAgainstStore).scene
        let result = Explorer(.exhaustive(preemptions: 1)).explore(scene)
        let found = try #require(result.outcomes["r1=0x0 r2=0x0"])
        let lines = Diagram(Explorer().replay(scene, found.schedule).drawing, cpus: 2).lines()
        #expect(lines[0].hasPrefix("CPU 0") && lines[0].contains("CPU 1"))
        #expect(lines.contains("madvise(a, 2M, MADV_DONTNEED)"))
        #expect(lines.contains { $0.hasPrefix("   ") && $0.hasSuffix("[t] store(a, 1, 7)") })
        #expect(lines.contains { $0.contains("clear pte 0x100000000000") })
        #expect(lines.contains { $0.contains("flush TLB") })
        #expect(lines.last == "=> r1=0x0 r2=0x0")
    }

    @Test func aTraceForPerfettoIsBalanced() {
        let steps = [
            DrawnStep(cpu: 0, text: "say \"a\"", kind: .call, number: 1),
            DrawnStep(cpu: 1, text: "b", kind: .call, number: 2), DrawnStep(cpu: 0, text: "c", kind: .step, number: 3),
            DrawnStep(cpu: 0, text: "end", kind: .end, number: 4),
        ]
        let json = PerfettoTrace(steps, cpus: 2, title: "t").json
        #expect(json.contains(#""name":"say \"a\"""#))
        #expect(json.split(separator: "\n").filter { $0.contains(#""ph":"B""#) }.count == 2)
        #expect(json.split(separator: "\n").filter { $0.contains(#""ph":"E""#) }.count == 2)
    }

    // MARK: Store buffers

    /// What a CPU had written to a frame's record when it gave the frame back came out of its buffer after what it wrote there when
    /// it took the frame again: a table of it passed for freed.
    @Test func aFrameThatIsTakenAgainIsNotFreedByAStoreThatWaited() throws {
        let scene = try litmus(Self.page + "parallel\nr1 = load(x, 1)\n[t] store(x, 1, 1)\nend\n").scene
        for strategy in [Strategy.random(seed: 1), .pct(seed: 1, depth: 3)] {
            var explorer = Explorer(strategy, budget: 3000)
            explorer.hasStoreBuffers = true
            #expect(explorer.explore(scene).outcomes.keys.sorted() == ["r1=0x0", "r1=0x1"])
        }
    }

    // MARK: Several cores

    @Test(arguments: [Strategy.exhaustive(preemptions: 2), .random(seed: 2), .dpor])
    func severalCoresSeeWhatOneSees(_ strategy: Strategy) throws {
        let explorer = Explorer(strategy, budget: strategy.isComplete ? 100_000 : 3000)
        let one = explorer.explore(try litmus(discardAgainstStore).scene)
        let two = try explorer.explore(workers: 2) { try LitmusScene(LitmusFile(text: discardAgainstStore)).scene }
        #expect(Set(one.outcomes.keys) == Set(two.outcomes.keys))
        #expect(one.isExhausted == two.isExhausted)
        if one.isExhausted { #expect(one.executions == two.executions) }
    }

    // MARK: Chances

    /// Wherever a frame may be wanting in a fault beside a discard: the access is killed, and nothing leaks.
    @Test(arguments: [Chance.allocationFails, .batchFails, .reschedules, .tryLockFails])
    func whatMayFailOnceFailsWithoutHarm(_ chance: Chance) throws {
        let start: UInt64 = 0x1000_0000_0000
        let scene = try MachineScene(cpus: 2, host: .linux, without: Omissions(chances: [chance])) { task in
            try task.mmap(
                start, length: 2 << 20, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            task.touchWrite(start, 8192)
        }
        scene.cpu(0, "discard") { task in try? task.madvise(start, 2 << 20, Advice.dontNeed.rawValue) }
        scene.cpu(1, "store") { task in _ = task.storeByte(start + 0x5000, 1) }
        let result = Explorer(.exhaustive(preemptions: 1)).explore(
            scene.scene { process in "RssAnon \(process.status().anonymous)" })
        #expect(result.isExhausted)
        #expect(result.broken == [])
    }

    // MARK: What ends a run early

    private func words(_ bodies: [@Sendable (LitmusWords, CPU) -> Void]) -> Scene {
        let words = LitmusWords(count: 4, cpus: bodies.count, host: .linux)
        return Scene(
            reset: { words.reset(hook: $0) },
            bodies: bodies.enumerated().map { number, body in { body(words, words.cpu(number)) } },
            outcome: { "done" })
    }

    @Test func aStrandThatWaitsForNothingIsADeadlock() {
        let scene = words([{ w, c in w.lock(c, 0) }, { w, c in w.lock(c, 0) }])
        let result = Explorer(.dpor).explore(scene)
        #expect(
            Set(result.outcomes.keys) == [
                "deadlock: CPU 1 waits for pte, which CPU 0 holds", "deadlock: CPU 0 waits for pte, which CPU 1 holds",
            ])
    }

    @Test func aLoopThatNobodyEndsIsALivelock() {
        let scene = words([{ w, c in while w.load(c, 0) == 0 {} }, { w, c in w.store(c, 1, 1) }])
        let result = Explorer(.exhaustive(preemptions: 0), budget: 3).explore(scene)
        #expect(Set(result.outcomes.keys) == ["livelock"])
    }

    @Test func aLoopThatAnotherStrandEndsIsNone() {
        let scene = words([{ w, c in while w.load(c, 0) == 0 {} }, { w, c in w.store(c, 0, 1) }])
        let result = Explorer(.exhaustive(preemptions: 0)).explore(scene)
        #expect(result.isExhausted)
        #expect(Set(result.outcomes.keys) == ["done"])
    }

    @Test func codeThatTrapsEndsTheRunAndNotTheProcess() {
        let scene = words([
            { w, c in w.store(c, 0, 1) }, { w, c in precondition(w.load(c, 0) == 0, "too late") },
        ])
        let result = Explorer(.dpor).explore(scene)
        #expect(result.isExhausted)
        #expect(result.outcomes.keys.contains("done"))
        #expect(result.broken.count == 1 && result.broken[0].hasPrefix("violation: the code traps"))
    }

    @Test func aPinThatIsForgottenIsNoLeakButAFrameIs() throws {
        let scene = try MachineScene(cpus: 1, host: .linux) { _ in }
        scene.cpu(0) { task in
            _ = try? task.mmap(
                0x1000_0000_0000, length: 4096, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            task.touchWrite(0x1000_0000_0000, 4096)
        }
        #expect(Explorer().explore(scene.scene { _ in "ok" }).outcomes.keys.sorted() == ["ok"])
    }
}
