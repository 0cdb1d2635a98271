// Differences that hunts and their questions to a live Linux 6.18 found in the model, as the smallest workloads that
// showed them. What is expected is what the kernel did; the reference model must say the same.

import Quire
import QuireWorkload
import Testing

@testable import QuireConform

@Suite struct FoundDifferences {
    /// Plays lines on both models, which must agree; returns the model's answers and the last state of each process.
    private func play(_ text: String) throws -> (answers: [CallReport.Outcome], ends: [Int: [SpaceState]]) {
        let operations = try #require(readOperations(text))
        var match = Match()
        match.stateInterval = 1
        let difference = try match.play(operations)
        #expect(difference == nil, "\(difference?.text ?? "")")
        let session = try ReplaySession(WorkloadReader(text: text))
        var answers: [CallReport.Outcome] = []
        while let calls = try session.step() { answers += calls.map(\.outcome) }
        return (answers, Dictionary(grouping: session.machine.processes.map { SpaceState($0) }, by: \.number))
    }

    /// The areas of a process as START-END in pages of the window.
    private func pages(_ ends: [Int: [SpaceState]], _ number: Int) -> [String] {
        (ends[number]?.first?.areas ?? []).map { area in
            "\((area.start - Zones.base) >> 12)-\((area.end - Zones.base) >> 12)"
        }
    }

    /// An address beyond the top level's bits reached the page that has the same lower bits.
    @Test func anAddressThatIsNotCanonicalIsRefused() throws {
        let (answers, _) = try play(
            """
            mmap(0x100000000000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            store(0x100000000000, 1, 1)
            store(0x1000100000000000, 1, 2)
            load(0x800000000000, 1)
            load(0xffff800000000000, 1)
            load(0x100000000000, 1)
            """)
        #expect(answers[2] == .signal("SIGSEGV", code: "SI_KERNEL", address: 0))
        #expect(answers[3] == .signal("SIGSEGV", code: "SI_KERNEL", address: 0))
        #expect(answers[4] == .signal("SIGSEGV", code: "SEGV_MAPERR", address: 0xFFFF_8000_0000_0000))
    }

    /// Only with MREMAP_FIXED was the target looked at.
    @Test(arguments: ["0x100000000001", "0x100000000000", "0xfffffffffffff000"])
    func dontUnmapChecksItsHint(_ target: String) throws {
        let (answers, _) = try play(
            """
            mmap(0x100000000000, 0x1000, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            mremap(0x100000000000, 0x1000, 0x1000, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, \(target))
            """)
        #expect(answers[1] == .error("EINVAL"))
    }

    /// An inherited area that grows until it meets one without an anon_vma joins it.
    @Test func anInheritedAreaThatGrowsJoinsWhatItMeets() throws {
        let (_, ends) = try play(
            """
            mmap(0x100000000000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            store(0x100000000000, 1, 1)
            c1 = fork()
            [c1] mmap(0x100000002000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            [c1] mremap(0x100000000000, 0x1000, 0x2000, 0)
            """)
        #expect(pages(ends, 2) == ["0-3"])
    }

    /// An inherited area that is moved to the place where it continues one without an anon_vma does not join it.
    @Test func anInheritedAreaThatIsMovedStaysApart() throws {
        let (_, ends) = try play(
            """
            mmap(0x100000000000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            store(0x100000000000, 1, 1)
            c1 = fork()
            [c1] mremap(0x100000000000, 0x1000, 0x1000, MREMAP_MAYMOVE|MREMAP_FIXED, 0x100000100000)
            [c1] mmap(0x100000001000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            [c1] mremap(0x100000100000, 0x1000, 0x1000, MREMAP_MAYMOVE|MREMAP_FIXED, 0x100000000000)
            """)
        #expect(pages(ends, 2) == ["0-1", "1-2"])
    }

    /// MREMAP_DONTUNMAP leaves nothing anonymous in the old area, of whatever kind it is.
    @Test func aPrivateFileAreaThatDontUnmapEmptiedHasNoAnonVMA() throws {
        let (_, ends) = try play(
            """
            memfd_create("conform", MFD_CLOEXEC)
            ftruncate(3, 0x100000)
            mmap(0x100000000000, 0x2000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, 3, 0x0)
            mmap(0x100000002000, 0x2000, PROT_READ, MAP_PRIVATE|MAP_FIXED, 3, 0x2000)
            madvise(0x100000002000, 0x2000, MADV_DONTDUMP)
            mprotect(0x100000002000, 0x2000, PROT_READ|PROT_WRITE)
            store(0x100000000000, 1, 1)
            store(0x100000002000, 1, 1)
            mremap(0x100000000000, 0x2000, 0x2000, MREMAP_MAYMOVE|MREMAP_FIXED|MREMAP_DONTUNMAP, 0x100000100000)
            madvise(0x100000002000, 0x2000, MADV_DODUMP)
            """)
        #expect(pages(ends, 1) == ["0-4", "256-258"])
    }

    /// An empty range inside an area without rights was refused.
    @Test(arguments: ["0x0", "0xffffffffffffffff"]) func mlockOfNothingSucceeds(_ length: String) throws {
        let (answers, _) = try play(
            """
            mmap(0x100000000000, 0x4000, PROT_NONE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            mlock(0x100000002000, \(length))
            """)
        #expect(answers[1] == .result(0))
    }

    /// Memory that may only be written can be read by the program, but not populated for reading.
    @Test func populateReadAsksForTheRightToRead() throws {
        let (answers, _) = try play(
            """
            mmap(0x100000000000, 0x1000, PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0x0)
            madvise(0x100000000000, 0x1000, MADV_POPULATE_READ)
            load(0x100000000000, 1)
            """)
        #expect(answers[1] == .error("EINVAL"))
        #expect(answers[2] == .none)
    }
}
