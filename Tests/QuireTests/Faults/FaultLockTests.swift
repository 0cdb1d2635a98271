// A fault that must sleep gives up the lock that it holds (S3-09), whichever it is, and no other.

import Testing

@testable import Quire

#if DEBUG  // Which locks a CPU holds is known in debug builds alone.
    /// When CPU 0 has to wait for a folio's lock, notes what it holds, and lets go of the folio.
    private final class FolioHolder: ScheduleHook {
        let letGo: () -> Void
        private(set) var held: [[SyncName]] = []

        init(_ letGo: @escaping () -> Void) { self.letGo = letGo }

        override func blocked(_ event: SyncEvent, on cpu: CPU) {
            #expect(event.name == .folio && cpu.index == 0)
            let count = unsafe Int(cpu.state.pointee.heldCount)
            held.append((0..<count).map { unsafe SyncName(rawValue: UInt8(cpu.state.pointee.held[$0] >> 56))! })
            #expect(unsafe cpu.state.pointee.rcuNesting == 0, "asleep inside a read-side section")
            letGo()
        }
    }

    @Suite struct FaultLockTests {
        private let start: UInt64 = 0x4000_0000

        /// A memory file's page, mapped and locked by CPU 1.
        private func prepare(_ flags: MapFlags) throws -> (TestMachine, FolioHolder) {
            let test = try TestMachine {
                $0.mode = .explored
                $0.cpus = 2
            }
            let fd = try test.memoryFile(pages: 4)
            try test.task.mmap(
                start, length: 4 * page, protection: [.read, .write], flags: flags.union(.fixed), fd: fd)
            let file = test.core.areas[test.space.areas.find(start)].file
            let lock = test.memory.folioLock(test.core.cached(test.cpu, file, 0))
            let other = test.machine.cpu(1)
            lock.lock(other)
            return (test, FolioHolder { lock.unlock(other) })
        }

        private func store(_ test: TestMachine, _ holder: FolioHolder) {
            test.machine.environment.hook = holder
            #expect(test.task.storeByte(start, 7) == .done)
            test.machine.environment.hook = nil
        }

        @Test func theAreasLock() throws {
            let (test, holder) = try prepare(.shared)
            let before = test.counter(.mmapLocks)
            store(test, holder)
            #expect(holder.held == [[]])
            #expect(test.counter(.areaLockRetries) == 1)
            #expect(test.counter(.mmapLocks) == before + 1)
            test.expectNothingLeft()
        }

        /// The copy needs an anon_vma and so has the mmap lock when it comes to the page.
        @Test func theMmapLock() throws {
            let (test, holder) = try prepare(.private)
            let before = test.counter(.mmapLocks)
            store(test, holder)
            #expect(holder.held == [[]])
            #expect(test.counter(.areaLockRetries) == 1)
            #expect(test.counter(.mmapLocks) == before + 2)
            test.expectNothingLeft()
        }

        /// A call that faults pages in under the mmap lock keeps it while it waits.
        @Test func aCallKeepsTheMmapLock() throws {
            let (test, holder) = try prepare(.shared)
            test.machine.environment.hook = holder
            try test.task.madvise(start, page, Advice.populateWrite.rawValue)
            test.machine.environment.hook = nil
            #expect(holder.held == [[.mmapLock]])
            test.expectNothingLeft()
        }

        /// Faults around a page do not wait for its neighbours.
        @Test func faultAroundPassesOverAPageThatIsLocked() throws {
            let (test, holder) = try prepare(.shared)
            #expect(test.task.access(start + page, .read) == .done)
            #expect(test.status.shared == 12)
            store(test, holder)
            #expect(test.status.shared == 16)
            test.expectNothingLeft()
        }
    }
#endif
