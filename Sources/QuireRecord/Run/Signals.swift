// Signals that come to the recorder: SIGUSR1 asks for a snapshot, Ctrl-C ends the program but not the recording.

import Dispatch
import Foundation
import Glibc
import Synchronization

/// Collects signals from the moment it is made until it is closed; the program itself inherits nothing of it.
///
/// Unchecked: the sources are set once and only cancelled; what arrives is behind the mutex.
final class SignalInbox: @unchecked Sendable {
    private let arrived: Mutex<[Int32]> = Mutex([])
    private let sources: [(number: Int32, source: any DispatchSourceSignal)]

    init(signals: [Int32]) {
        sources = signals.map { number in
            signal(number, SIG_IGN)
            return (number, DispatchSource.makeSignalSource(signal: number, queue: .global()))
        }
        for (number, source) in sources {
            source.setEventHandler { [weak self] in self?.arrived.withLock { $0.append(number) } }
            source.resume()
        }
    }

    /// What has arrived since the last look.
    func take() -> [Int32] {
        arrived.withLock { list in
            defer { list = [] }
            return list
        }
    }

    /// Signals have their usual effect again.
    func close() {
        for (number, source) in sources {
            source.cancel()
            signal(number, SIG_DFL)
        }
    }
}

/// Whether a SIGINT reached the program by itself (the terminal sends it to the whole group) or must be passed on.
struct Interrupts {
    private var received = 0
    private var programHas = 0
    private var deadline: ContinuousClock.Instant?

    /// A SIGINT came; true if it is not the first and the user has lost patience.
    mutating func again() -> Bool {
        received += 1
        if programHas < received { deadline = .now + .milliseconds(300) }
        return received > 1
    }

    mutating func programGotOne() {
        programHas += 1
        deadline = nil
    }

    /// True once when the program has had no signal of its own for a while.
    mutating func due() -> Bool {
        guard let deadline, deadline <= .now else { return false }
        self.deadline = nil
        return true
    }
}
