// Code that traps in the middle of a run: a precondition that a left-out safeguard has broken ends the run, not the process.
// Part of the unsafe floor. The signal handler is C (CQuireSwitch/trap.c).

import CQuireSwitch

/// The thread that explores, under guard.
enum TrapGuard {
    private static let isInstalled: Bool = {
        quire_trap_install()
        return true
    }()

    /// From now on, code that traps on this thread abandons the scheduler's run.
    static func enter(_ scheduler: Scheduler) {
        _ = isInstalled
        let trapped: @convention(c) (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Void = { of, address in
            let scheduler = unsafe Unmanaged<Scheduler>.fromOpaque(of!).takeUnretainedValue()
            let symbol = unsafe String(cString: quire_trap_symbol(address))
            scheduler.abandon(
                symbol.isEmpty ? "the code traps" : "the code traps in \(symbol)", strand: scheduler.running)
        }
        unsafe quire_trap_guard(trapped, Unmanaged.passUnretained(scheduler).toOpaque())
    }

    static func leave() { quire_trap_guard(nil, nil) }
}
