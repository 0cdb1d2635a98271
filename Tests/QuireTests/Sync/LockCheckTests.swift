// The checks of debug builds: a blocking acquisition against the order of docs/locking.md, an unlock by somebody who
// does not hold the lock, and sleeping under a spin lock end the process. Each runs in a process of its own.

import Testing

@testable import Quire

@Suite struct LockCheckTests {
    @Test func theOrderOfTheRanksIsTheDocuments() {
        let order: [SyncName] = [
            .mmapLock, .vmaLock, .iMmap, .anonVMA, .pageTable, .pmd, .pte, .pageCache, .zone, .pins, .pool,
        ]
        for (lower, higher) in zip(order, order.dropFirst()) { #expect(lower.rank < higher.rank) }
        #expect(
            order.map(\.label) == [
                "mmap_lock", "vma_lock", "i_mmap_rwsem", "anon_vma", "page_table_lock", "pmd", "pte", "i_pages", "zone",
                "pins", "pool",
            ])
    }

    @Test func tryingIsLegalAgainstTheOrder() throws {
        let test = try TestMachine()
        let words = test.words()
        let (pmd, pte) = (SpinLock(words.half(0), .pmd), SpinLock(words.half(1), .pte))
        pte.lock(test.cpu)
        #expect(pmd.tryLock(test.cpu))
        pmd.unlock(test.cpu)
        pte.unlock(test.cpu)
        pmd.lock(test.cpu)
        pte.lock(test.cpu)
        // Given up in any order.
        pmd.unlock(test.cpu)
        pte.unlock(test.cpu)
    }

    #if DEBUG
        @Test func takingThePMDLockUnderAPTELockTraps() async {
            await #expect(processExitsWith: .failure) {
                let test = try TestMachine()
                let words = test.words()
                SpinLock(words.half(0), .pte).lock(test.cpu)
                SpinLock(words.half(1), .pmd).lock(test.cpu)
            }
        }

        @Test func unlockingWhatAnotherCPUHoldsTraps() async {
            await #expect(processExitsWith: .failure) {
                let test = try TestMachine {
                    $0.mode = .parallel
                    $0.cpus = 2
                }
                let lock = SpinLock(test.words().half(0), .pte)
                lock.lock(test.machine.cpu(0))
                lock.unlock(test.machine.cpu(1))
            }
        }

        @Test func sleepingUnderASpinLockTraps() async {
            await #expect(processExitsWith: .failure) {
                let test = try TestMachine { $0.mode = .parallel }
                let words = test.words()
                SpinLock(words.half(0), .pool).lock(test.cpu)
                RWSemaphore(words.half(1), .mmapLock).readLock(test.cpu)
            }
        }

        @Test func aStaleHandleTraps() async {
            await #expect(processExitsWith: .failure) {
                let test = try TestMachine()
                let record = Area(start: 0, end: page, flags: [], pageOffset: 0, kind: .anonymous, space: 1)
                let handle = test.core.areas.allocate(test.cpu, record)!
                test.core.areas.free(test.cpu, handle)
                _ = test.core.areas.allocate(test.cpu, record)
                print(test.core.areas[handle].end)
            }
        }
    #endif
}
