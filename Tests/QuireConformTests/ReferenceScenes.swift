// Scenes for the reference model by itself: what everybody can say of memory without looking at a kernel.

import QuireWorkload
import Testing

@testable import QuireConform

@Suite struct ReferenceScenes {
    private let base = Zones.base

    /// Runs lines; the answers and the model.
    private func run(_ text: String) throws -> (answers: [Answer], model: ReferenceModel) {
        let model = ReferenceModel()
        let operations = try #require(readOperations(text))
        let answers = operations.compactMap { operation -> Answer? in
            if case .answer(let answer) = model.perform(operation) { answer } else { nil }
        }
        return (answers, model)
    }

    private func areas(_ model: ReferenceModel, _ number: Int = 1) throws -> [AreaState] {
        SpaceState(try #require(model.spaces[number]), number: number).areas
    }

    @Test func aHoleSplitsAndFillingItJoins() throws {
        let text = """
            mmap(0x100000000000, 0x4000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            munmap(0x100000001000, 0x1000)
            """
        let (_, holed) = try run(text)
        #expect(try areas(holed).map(\.start) == [base, base + 0x2000])
        let (_, filled) = try run(
            text + "\nmmap(0x100000001000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)")
        #expect(try areas(filled).map(\.end) == [base + 0x4000])
    }

    @Test func aChildKeepsWhatItsParentHadAndWritesItsOwn() throws {
        let (answers, model) = try run(
            """
            mmap(0x100000000000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            store(0x100000000000, 1, 7)
            c1 = fork()
            store(0x100000000000, 1, 8)
            [c1] load(0x100000000000, 1)
            load(0x100000000000, 1)
            """)
        #expect(answers[4].data == [7])
        #expect(answers[5].data == [8])
        #expect(try areas(model, 2)[0].anonymous == 4)
    }

    @Test func sharedMemoryIsOneForAll() throws {
        let (answers, _) = try run(
            """
            mmap(0x100000000000, 0x1000, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            c1 = fork()
            [c1] store(0x100000000000, 2, 9)
            load(0x100000000000, 2)
            """)
        #expect(answers[3].data == [9, 9])
    }

    @Test func guardsAndRightsAreSignals() throws {
        let (answers, _) = try run(
            """
            mmap(0x100000000000, 0x2000, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            madvise(0x100000001000, 0x1000, MADV_GUARD_INSTALL)
            store(0x100000000000, 1, 1)
            load(0x100000000ffe, 8)
            load(0x100000002000, 1)
            """)
        #expect(answers[2].outcome == .signal("SIGSEGV", code: "SEGV_ACCERR", address: base))
        #expect(answers[3].outcome == .signal("SIGSEGV", code: "SEGV_MAPERR", address: base + 0x1000))
        #expect(answers[4].outcome == .signal("SIGSEGV", code: "SEGV_MAPERR", address: base + 0x2000))
    }

    @Test func beyondTheEndOfAFileIsSIGBUS() throws {
        let (answers, _) = try run(
            """
            memfd_create("conform", MFD_CLOEXEC)
            ftruncate(3, 0x1000)
            mmap(0x100000000000, 0x2000, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, 3, 0x0)
            store(0x100000001000, 1, 1)
            """)
        #expect(answers[3].outcome == .signal("SIGBUS", code: "BUS_ADRERR", address: base + 0x1000))
    }

    @Test func aMoveTakesThePagesAlong() throws {
        let (answers, model) = try run(
            """
            mmap(0x100000000000, 0x2000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            store(0x100000001000, 1, 5)
            mremap(0x100000000000, 0x2000, 0x3000, MREMAP_MAYMOVE|MREMAP_FIXED, 0x100000100000)
            load(0x100000101000, 1)
            load(0x100000001000, 1)
            """)
        #expect(answers[3].data == [5])
        #expect(answers[4].outcome == .signal("SIGSEGV", code: "SEGV_MAPERR", address: base + 0x1000))
        #expect(try areas(model).map(\.rss) == [4])
    }

    @Test func aHoleStopsMprotectAndIsPassedOverByMadvise() throws {
        let text = """
            mmap(0x100000000000, 0x1000, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            mmap(0x100000002000, 0x1000, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            """
        let (protect, stopped) = try run(text + "\nmprotect(0x100000000000, 0x3000, PROT_NONE)")
        #expect(protect[2].outcome == .error("ENOMEM"))
        #expect(try areas(stopped).map { $0.flags.hasPrefix("rd") } == [false, true])
        let (advise, passed) = try run(text + "\nmadvise(0x100000000000, 0x3000, MADV_DONTFORK)")
        #expect(advise[2].outcome == .error("ENOMEM"))
        #expect(try areas(passed).map { $0.flags.contains("dc") } == [true, true])
    }
}
