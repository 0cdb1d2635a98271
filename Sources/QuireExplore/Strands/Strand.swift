// A strand: a simulated CPU's own stack in the one thread that explores. It runs what it is given, is left at every
// operation on shared state, and is kept for the next run. Part of the unsafe floor: stacks are raw memory, and switching
// them is C. Scheduler.swift decides who goes on.

import CQuireSwitch
import Quire

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where each strand waits while it does not run, by its number, and the code that started the run.
@safe final class SwitchBoard: @unchecked Sendable {
    static let mostStrands = 64
    private static let home = mostStrands
    private let places = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: mostStrands + 1)

    init() { unsafe places.initialize(repeating: nil, count: Self.mostStrands + 1) }
    deinit { unsafe places.deallocate() }

    fileprivate func put(_ place: UnsafeMutableRawPointer?, of strand: Int) { unsafe places[strand] = place }

    /// From the code that started the run into a strand; returns when somebody leaves.
    func enter(_ strand: Int) { switchFrom(Self.home, to: strand) }

    /// From a strand to another; returns when somebody comes back to this one.
    @inline(__always) func switchFrom(_ strand: Int, to other: Int) {
        unsafe quire_switch(places + strand, places[other])
    }

    /// From a strand to the code that started the run.
    func leave(_ strand: Int) { switchFrom(strand, to: Self.home) }
}

/// One simulated CPU's stack.
@safe final class Strand: @unchecked Sendable {
    let number: Int
    private let board: SwitchBoard
    private let stack: UnsafeMutableRawPointer
    /// What it does each time that it is entered.
    private let work: Unmanaged<Work>
    /// Its owner: names the strand that goes on when this one is done, nil for whoever started the run.
    private unowned(unsafe) let scheduler: Scheduler

    private static let pageBytes = 4096
    private static let stackBytes = 256 * 1024

    /// Makes a strand with a guard page below its stack. Traps where the host has no memory.
    init(number: Int, board: SwitchBoard, scheduler: Scheduler, work: @escaping () -> Void) {
        precondition(number < SwitchBoard.mostStrands)
        self.number = number
        unsafe self.scheduler = scheduler
        unsafe self.work = Unmanaged.passRetained(Work(work))
        self.board = board
        let bytes = Self.stackBytes + Self.pageBytes
        guard let made = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe made != MAP_FAILED
        else { fatalError("no memory for a strand's stack") }
        unsafe mprotect(made, Self.pageBytes, PROT_NONE)
        unsafe stack = made
        prepare()
    }

    deinit {
        unsafe work.release()
        unsafe munmap(stack, Self.stackBytes + Self.pageBytes)
    }

    /// Lays the first frame anew: what the strand was in the middle of is abandoned.
    func prepare() {
        let entry: @convention(c) (UnsafeMutableRawPointer?) -> Void = { argument in
            unsafe Unmanaged<Strand>.fromOpaque(argument!)._withUnsafeGuaranteedRef { $0.serve() }
        }
        unsafe board.put(
            quire_stack_prepare(
                stack + Self.stackBytes + Self.pageBytes, entry, Unmanaged.passUnretained(self).toOpaque()),
            of: number)
    }

    /// Does its work each time that it is entered; does not return.
    private func serve() {
        while true {
            // Called as it stands: to count a reference to a closure takes as long as a step.
            unsafe self.work._withUnsafeGuaranteedRef { $0.body() }
            if let other = unsafe scheduler.ended(number) {
                board.switchFrom(number, to: other)
            } else {
                board.leave(number)
            }
        }
    }
}

/// What a strand does.
private final class Work {
    let body: () -> Void

    init(_ body: @escaping () -> Void) { self.body = body }
}
