// A scenario of calls that allocate in every way there is: its steps, for the tests that let allocations fail.

@testable import Quire

/// How a step ended.
enum StepOutcome: Equatable {
    case done
    case refused(Errno)
    /// An access for which there was no memory.
    case killed
}

/// What a step leaves behind when it is refused.
enum Leftover: Sendable {
    /// Nothing has changed, but that an area may be in two pieces.
    case nothing
    /// What came before is done.
    case part
    /// As `part`, and [start, end) of process 1 is unmapped: Linux unmaps what MAP_FIXED replaces, then fails.
    case gap(UInt64, UInt64)
}

/// A step of the scenario.
struct Step: Sendable {
    var name: String
    /// The errors that the call may give where memory runs out; a killed access is always allowed.
    var errors: [Errno] = [.ENOMEM]
    var leaves = Leftover.nothing
    var run: @Sendable (Scene) throws(Errno) -> Bool
}

/// The machine and what steps hand on to later ones.
final class Scene {
    let test: TestMachine
    var files: [String: Int] = [:]
    var userfault = Handle<UserfaultContext>.none
    var task: Quire.Task { test.task }
    func child(_ pid: Int) -> Quire.Task { test.machine.process(pid)!.main }

    init() throws {
        test = try TestMachine { $0.memory = 32 << 20 }
        try test.machine.set("machine.anon_vma_name", "on")
        test.process.setHeap(start: 0x1000_0000)
    }

    func run(_ step: Step) -> StepOutcome {
        do throws(Errno) { return try step.run(self) ? .done : .killed } catch { return .refused(error) }
    }

    /// Private anonymous memory of whole pages at an address.
    func map(_ start: UInt64, _ pages: UInt64, _ rights: Protection = [.read, .write], _ more: MapFlags = [])
        throws(Errno)
    {
        try task.mmap(
            start, length: pages * page, protection: rights, flags: more.union([.private, .anonymous, .fixed]))
    }
}

private let base: UInt64 = 0x4000_0000
private let far: UInt64 = 0x7f00_0000_1000
private let shared: UInt64 = 0x5000_0000
private let file: UInt64 = 0x6000_0000

private func touch(_ task: Quire.Task, _ first: UInt64, _ pages: UInt64, _ byte: UInt8 = 7) -> Bool {
    (0..<pages).allSatisfy { task.storeByte(first + $0 * page, byte) == .done }
}

/// Steps of private memory in one process.
private let privateSteps: [Step] = [
    Step(name: "mmap") { scene throws(Errno) in
        try scene.map(base, 40); return true
    },
    Step(name: "touch", leaves: .part) { touch($0.task, base, 6, 1) },
    Step(name: "read", leaves: .part) { $0.task.touchRead(base + 8 * page, 2 * page) == .done },
    Step(name: "mmap over the middle", leaves: .gap(base + 2 * page, base + 4 * page)) { scene throws(Errno) in
        try scene.map(base + 2 * page, 2, .read)
        return true
    },
    Step(name: "mmap over a border", leaves: .gap(base + page, base + 3 * page)) { scene throws(Errno) in
        try scene.map(base + page, 2)
        return true
    },
    Step(name: "touch what is new", leaves: .part) { touch($0.task, base + page, 2, 2) },
    Step(name: "munmap the middle") { scene throws(Errno) in
        try scene.task.munmap(base + 11 * page, page)
        return true
    },
    Step(name: "mprotect the middle, untouched") { scene throws(Errno) in
        try scene.task.mprotect(base + 15 * page, 2 * page, .read)
        return true
    },
    Step(name: "mprotect the middle, touched") { scene throws(Errno) in
        try scene.task.mprotect(base + 5 * page, page, .read)
        return true
    },
    Step(name: "mprotect several areas", leaves: .part) { scene throws(Errno) in
        try scene.task.mprotect(base + 4 * page, 6 * page, .read)
        return true
    },
    Step(name: "mprotect back", leaves: .part) { scene throws(Errno) in
        try scene.task.mprotect(base + 4 * page, 6 * page, [.read, .write])
        return true
    },
    Step(name: "mlock", errors: [.ENOMEM, .EAGAIN], leaves: .part) { scene throws(Errno) in
        try scene.task.mlock(base + 20 * page, 4 * page)
        return true
    },
    Step(name: "mlock2 on fault", leaves: .part) { scene throws(Errno) in
        try scene.task.mlock2(base + 26 * page, 2 * page, 1)
        return true
    },
    Step(name: "munlock the middle") { scene throws(Errno) in
        try scene.task.munlock(base + 21 * page, page)
        return true
    },
    Step(name: "advice in the middle", errors: [.EAGAIN], leaves: .part) { scene throws(Errno) in
        try scene.task.madvise(base + 29 * page, 2 * page, Advice.dontFork.rawValue)
        try scene.task.madvise(base + 33 * page, page, Advice.wipeOnFork.rawValue)
        return true
    },
    Step(name: "names", errors: [.EAGAIN], leaves: .part) { scene throws(Errno) in
        try scene.task.setAreaName(base + 32 * page, 2 * page, "name")
        try scene.task.setAreaName(base + 33 * page, 3 * page, "other")
        return true
    },
    Step(name: "policies", leaves: .part) { scene throws(Errno) in
        try scene.task.mbind(base + 35 * page, 2 * page, mode: 2, nodes: 1)
        return true
    },
    Step(name: "guards", leaves: .part) { scene throws(Errno) in
        try scene.task.madvise(base + 38 * page, page, Advice.guardInstall.rawValue)
        return true
    },
    Step(name: "populate", leaves: .part) { scene throws(Errno) in
        try scene.task.madvise(base + 12 * page, 2 * page, Advice.populateWrite.rawValue)
        return true
    },
    Step(name: "open a userfaultfd") { scene throws(Errno) in
        guard let made = scene.test.core.userfaults.allocate(scene.test.cpu, UserfaultContext(space: 1)) else {
            throw .ENOMEM
        }
        scene.userfault = made
        return true
    },
    Step(name: "register", leaves: .part) { scene throws(Errno) in
        try scene.test.space.registerUserfault(
            scene.test.cpu, scene.userfault, base + 31 * page, base + 37 * page, .userfaultWriteProtect)
        return true
    },
    Step(name: "unregister a part", leaves: .part) { scene throws(Errno) in
        try scene.test.space.unregisterUserfault(scene.test.cpu, scene.userfault, base + 34 * page, base + 36 * page)
        return true
    },
    Step(name: "brk") { scene throws(Errno) in
        if scene.task.brk(0x1000_3000) != 0x1000_3000 { throw .ENOMEM }
        return true
    },
    Step(name: "touch the heap", leaves: .part) { touch($0.task, 0x1000_0000, 3) },
    Step(name: "brk again") { scene throws(Errno) in
        if scene.task.brk(0x1000_8000) != 0x1000_8000 { throw .ENOMEM }
        return true
    },
    Step(name: "brk back") { scene throws(Errno) in
        if scene.task.brk(0x1000_1000) != 0x1000_1000 { throw .ENOMEM }
        return true
    },
    Step(name: "a stack") { scene throws(Errno) in
        try scene.map(0x2000_0000, 1, [.read, .write], .growsDown)
        return true
    },
    Step(name: "it grows", leaves: .part) { touch($0.task, 0x2000_0000 - 5 * page, 1) },
]

/// Moves.
private let moveSteps: [Step] = [
    Step(name: "areas to move") { scene throws(Errno) in
        try scene.map(far, 8); return true
    },
    Step(name: "touch them", leaves: .part) { touch($0.task, far, 3, 9) },
    Step(name: "mremap in place") { scene throws(Errno) in
        try scene.task.mremap(far, 8 * page, 10 * page, [])
        return true
    },
    Step(name: "mremap over a neighbour's gap", leaves: .part) { scene throws(Errno) in
        try scene.map(far + 12 * page, 2)
        guard touch(scene.task, far + 12 * page, 1, 5) else { return false }
        try scene.task.mremap(far, 10 * page, 12 * page, [])
        return true
    },
    Step(name: "mremap elsewhere, growing") { scene throws(Errno) in
        try scene.task.mremap(far, 12 * page, 14 * page, [.mayMove, .fixed], far + 512 * span)
        return true
    },
    Step(name: "mremap of a part over another area", leaves: .part) { scene throws(Errno) in
        let start = far + 512 * span
        let target = far + 13 * page
        if !scene.isMapped(target + page) {
            try scene.task.mremap(start + page, 2 * page, 2 * page, [.mayMove, .fixed], target)
        }
        // The old range stays where the area could not be split; the move has happened.
        if scene.isMapped(start + page) { try scene.task.munmap(start + page, 2 * page) }
        return true
    },
    Step(name: "mremap that keeps the old range") { scene throws(Errno) in
        let start = far + 512 * span
        try scene.task.mremap(start, page, page, [.mayMove, .dontUnmap], far + 700 * span)
        return true
    },
    Step(name: "three areas and a hole", leaves: .part) { scene throws(Errno) in
        try scene.map(far + 20 * page, 2)
        try scene.map(far + 22 * page, 2, .read)
        try scene.map(far + 25 * page, 2)
        return touch(scene.task, far + 20 * page, 2) && touch(scene.task, far + 25 * page, 1)
    },
    Step(name: "mremap of several areas", leaves: .part) { scene throws(Errno) in
        // What has moved already is not there any more: a second try moves the rest.
        let first = scene.firstMapped(from: far + 20 * page, pages: 7)
        guard first < far + 27 * page else { return true }
        let length = far + 27 * page - first
        try scene.task.mremap(first, length, length, [.mayMove, .fixed], first + 300 * page)
        return true
    },
]

/// Files, shared memory and processes.
private let sharedSteps: [Step] = [
    Step(name: "shared memory") { scene throws(Errno) in
        try scene.task.mmap(
            shared, length: 6 * page, protection: [.read, .write], flags: [.shared, .anonymous, .fixed])
        return true
    },
    Step(name: "touch it", leaves: .part) { touch($0.task, shared, 3) },
    Step(name: "mprotect its middle") { scene throws(Errno) in
        try scene.task.mprotect(shared + 2 * page, page, .read)
        return true
    },
    Step(name: "memfd") { scene throws(Errno) in
        scene.files["memfd"] = try scene.task.memfdCreate("data")
        return true
    },
    Step(name: "write it", errors: [.ENOMEM, .ENOSPC], leaves: .part) { scene throws(Errno) in
        try scene.task.ftruncate(scene.files["memfd"]!, 600 * page)
        return try scene.task.write(scene.files["memfd"]!, [1, 2, 3], at: 2 * page - 1) == 3
    },
    Step(name: "map it", leaves: .part) { scene throws(Errno) in
        let fd = scene.files["memfd"]!
        try scene.task.mmap(file, length: 8 * page, protection: [.read, .write], flags: [.shared, .fixed], fd: fd)
        try scene.task.mmap(
            file + span, length: 8 * page, protection: [.read, .write], flags: [.private, .fixed], fd: fd)
        return true
    },
    Step(name: "touch both", leaves: .part) {
        touch($0.task, file + 2 * page, 4, 4) && touch($0.task, file + span, 3, 5)
    },
    Step(name: "a file's page far away", leaves: .part) { scene throws(Errno) in
        try scene.task.mmap(
            file + 2 * span, length: 2 * page, protection: [.read, .write], flags: [.shared, .fixed],
            fd: scene.files["memfd"]!, offset: 590 * page)
        return touch(scene.task, file + 2 * span, 2)
    },
    Step(name: "a hole") { scene throws(Errno) in
        try scene.task.fallocate(scene.files["memfd"]!, 3, 2 * page, 2 * page)
        return true
    },
    Step(name: "recorded file") { scene throws(Errno) in
        scene.files["lib"] = try scene.task.openRecorded("/lib/libc.so.6", size: 1 << 30)
        return true
    },
    Step(name: "map and read it", leaves: .part) { scene throws(Errno) in
        try scene.task.mmap(
            file + 4 * span, length: 20 * page, protection: .read, flags: [.private, .fixed],
            fd: scene.files["lib"]!, offset: 1 << 29)
        return scene.task.touchRead(file + 4 * span, 20 * page) == .done
    },
    Step(name: "fork") { scene throws(Errno) in
        _ = try scene.task.fork(pid: 2); return true
    },
    Step(name: "the child writes", leaves: .part) {
        touch($0.child(2), base + page, 1, 20) && touch($0.child(2), base + 13 * page, 2, 20)
    },
    Step(name: "the parent writes", leaves: .part) {
        touch($0.task, base, 2, 10) && touch($0.task, file + span, 1, 10)
    },
    Step(name: "fork of the fork") { scene throws(Errno) in
        _ = try scene.child(2).fork(pid: 3); return true
    },
    Step(name: "the grandchild writes", leaves: .part) {
        touch($0.child(3), base, 2, 30) && touch($0.child(3), shared, 1, 31)
    },
    Step(name: "the child splits what it inherited", leaves: .part) { scene throws(Errno) in
        try scene.child(2).mprotect(base + 5 * page, page, .read)
        try scene.child(2).munmap(base + page, page)
        return true
    },
    Step(name: "the child moves what it inherited") { scene throws(Errno) in
        try scene.child(2).mremap(base + 4 * page, page, page, [.mayMove, .fixed], far + 100 * page)
        return true
    },
    Step(name: "the middle one goes") { scene throws(Errno) in
        scene.child(2).exit(); return true
    },
    Step(name: "another fork takes over") { scene throws(Errno) in
        _ = try scene.child(3).fork(pid: 4); return true
    },
    Step(name: "vfork and execve", leaves: .part) { scene throws(Errno) in
        if scene.test.machine.process(5) == nil { _ = try scene.task.vfork(pid: 5) }
        try scene.child(5).execve()
        return true
    },
    Step(name: "the file shrinks") { scene throws(Errno) in
        try scene.task.ftruncate(scene.files["memfd"]!, 3 * page)
        return true
    },
    Step(name: "give back") { scene throws(Errno) in
        try scene.task.madvise(base, 4 * page, Advice.dontNeed.rawValue)
        return true
    },
    Step(name: "execve") { scene throws(Errno) in
        try scene.child(4).execve()
        return true
    },
]

extension Scene {
    /// The whole scenario.
    static let steps: [Step] = privateSteps + moveSteps + sharedSteps

    fileprivate func isMapped(_ address: UInt64) -> Bool {
        let area = test.space.areas.find(address)
        return !area.isNone && test.core.areas[area].start <= address
    }

    fileprivate func firstMapped(from start: UInt64, pages: UInt64) -> UInt64 {
        let area = test.space.areas.find(start)
        return area.isNone ? start + pages * page : max(start, test.core.areas[area].start)
    }
}
