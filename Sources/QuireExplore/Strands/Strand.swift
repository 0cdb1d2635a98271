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

/// The place of the scheduler itself, and of whoever switched last.
@safe final class SwitchBoard: @unchecked Sendable {
    /// Where the code that started the run waits.
    fileprivate let home = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: 1)

    init() { unsafe home.initialize(to: nil) }
    deinit { unsafe home.deallocate() }
}

/// One simulated CPU's stack.
@safe final class Strand: @unchecked Sendable {
    let number: Int
    private let board: SwitchBoard
    private let stack: UnsafeMutableRawPointer
    private let place = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: 1)
    private var body: (() -> Void)?
    private var ended: (() -> Strand?)?

    private static let pageBytes = 4096
    private static let stackBytes = 256 * 1024

    /// Makes a strand with a guard page below its stack. Traps where the host has no memory.
    init(number: Int, board: SwitchBoard) {
        self.number = number
        self.board = board
        let bytes = Self.stackBytes + Self.pageBytes
        guard let made = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            unsafe made != MAP_FAILED
        else { fatalError("no memory for a strand's stack") }
        unsafe mprotect(made, Self.pageBytes, PROT_NONE)
        unsafe stack = made
        unsafe place.initialize(to: nil)
        prepare()
    }

    deinit {
        unsafe munmap(stack, Self.stackBytes + Self.pageBytes)
        unsafe place.deallocate()
    }

    /// Lays the first frame anew: what the strand was in the middle of is abandoned.
    func prepare() {
        let entry: @convention(c) (UnsafeMutableRawPointer?) -> Void = { argument in
            unsafe Unmanaged<Strand>.fromOpaque(argument!).takeUnretainedValue().serve()
        }
        unsafe place.pointee = quire_stack_prepare(
            unsafe stack + Self.stackBytes + Self.pageBytes, entry, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Gives the strand its work; `ended` names the strand that goes on when it is done, nil for home.
    func begin(_ body: @escaping () -> Void, ended: @escaping () -> Strand?) {
        self.body = body
        self.ended = ended
    }

    private func serve() -> Never {
        while true {
            body?()
            body = nil
            if let other = ended?() { switchTo(other) } else { switchHome() }
        }
    }

    // MARK: Switching

    /// From home into this strand; returns when somebody goes home.
    func enter() { unsafe quire_switch(board.home, place.pointee) }

    /// From this strand to another; returns when somebody comes back to this one.
    func switchTo(_ other: Strand) { unsafe quire_switch(place, other.place.pointee) }

    /// From this strand home.
    func switchHome() { unsafe quire_switch(place, board.home.pointee) }
}
