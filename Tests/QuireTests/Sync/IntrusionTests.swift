// Two CPUs in every order of one whole operation inside another: a walker that holds a table which is taken away
// under it must notice, and a table that is filled meanwhile must stay (S0-04, S4-06, S4-13's kin).

import Testing

@testable import Quire

#if DEBUG  // Which locks a CPU holds is known in debug builds alone.
    @Suite struct IntrusionTests {
        private func discard(_ task: Quire.Task, _ start: UInt64) {
            try! task.madvise(start, span, Advice.dontNeed.rawValue)
        }

        private func touch(_ task: Quire.Task, _ address: UInt64, _ value: UInt8) {
            #expect(task.storeByte(address, value) == .done)
        }

        /// The fault has found the table; the other CPU empties it and frees it.
        @Test func aFaultWhoseTableIsReclaimed() throws {
            let points = try TestMachine.atEveryPoint {
                let start = try $0.map(span)
                $0.task.touchWrite(start, 2 * page)
                return start
            } victim: { task, start in
                touch(task, start + 5 * page, 7)
            } intruder: { task, start in
                discard(task, start)
            } check: { test, start in
                #expect(test.status.tables[0] <= 1)
                #expect(test.byte(start + page).map { $0 == 0 || $0 == UInt8((start >> 12) & 255) + 1 } == true)
            }
            #expect(points > 10)
        }

        /// As before, and another fault hangs a new table in the same place.
        @Test func aFaultWhoseTableIsReplaced() throws {
            try TestMachine.atEveryPoint {
                let start = try $0.map(span)
                $0.task.touchWrite(start, 2 * page)
                return start
            } victim: { task, start in
                touch(task, start + 5 * page, 7)
            } intruder: { task, start in
                discard(task, start)
                touch(task, start + 9 * page, 9)
            } check: { test, start in
                #expect(test.byte(start + 9 * page) == 9)
            }
        }

        /// The first fault of a span: the other CPU makes the table first, fills it, and frees it again.
        @Test func aFaultThatIsAboutToMakeTheTable() throws {
            try TestMachine.atEveryPoint {
                try $0.map(2 * span)
            } victim: { task, start in
                touch(task, start + 5 * page, 7)
            } intruder: { task, start in
                touch(task, start + 9 * page, 9)
                touch(task, start + span, 9)
                discard(task, start)
            } check: { test, start in
                #expect(test.byte(start + 9 * page) == 0)
                #expect(test.core.anonVMAs.used == 1)
            }
        }

        @Test func aFaultThatIsAboutToMakeTheTableAndAnotherOneAfterAReclaim() throws {
            try TestMachine.atEveryPoint {
                try $0.map(2 * span)
            } victim: { task, start in
                touch(task, start + 5 * page, 7)
            } intruder: { task, start in
                touch(task, start + 9 * page, 9)
                discard(task, start)
                touch(task, start + 11 * page, 11)
            } check: { test, start in
                #expect(test.byte(start + 11 * page) == 11)
            }
        }

        /// S4-06: the zap has dropped the lock; a page comes back into the span before it is cut out.
        @Test(arguments: EmptyTableReclaim.allPolicies, [true, false])
        func aZapWhoseSpanIsFilledAgain(_ policy: EmptyTableReclaim, _ failTryLock: Bool) throws {
            try TestMachine.atEveryPoint {
                $0.reclaim = policy
            } prepare: {
                let start = try $0.map(span)
                $0.task.touchWrite(start, 8 * page)
                $0.core.settings.failTryLock = failTryLock
                return start
            } victim: { task, start in
                discard(task, start)
            } intruder: { task, start in
                touch(task, start + 2 * page, 22)
                touch(task, start + 300 * page, 23)
            } check: { test, start in
                // Both or neither: the zap saw the whole span under one lock, or the pages came after it.
                let bytes = [test.byte(start + 2 * page), test.byte(start + 300 * page)]
                #expect(bytes == [22, 23] || bytes == [0, 0] || bytes == [22, 0] || bytes == [0, 23])
            }
        }

        /// The zap is broken off after three entries: a page that comes into the part behind it must not be lost with
        /// the table when the rest of the span turns out empty.
        @Test func aZapThatWasBrokenOffLooksAgainAtWhatLiesBehind() throws {
            var keptOnce = false
            try TestMachine.atEveryPoint {
                let start = try $0.map(span)
                $0.task.touchWrite(start, 8 * page)
                $0.core.settings.rescheduleAfter = 4
                return start
            } victim: { task, start in
                discard(task, start)
            } intruder: { task, start in
                touch(task, start, 99)
            } check: { test, start in
                let byte = test.byte(start)
                #expect(byte == 99 || byte == 0)
                if byte == 99 { keptOnce = true }
            }
            #expect(keptOnce)
        }

        @Test(arguments: EmptyTableReclaim.allPolicies) func twoZapsOfOneSpan(_ policy: EmptyTableReclaim) throws {
            try TestMachine.atEveryPoint {
                $0.reclaim = policy
            } prepare: {
                let start = try $0.map(span)
                $0.task.touchWrite(start, 4 * page)
                return start
            } victim: { task, start in
                discard(task, start)
            } intruder: { task, start in
                discard(task, start)
            } check: { test, _ in
                #expect(test.status.anonymous == 0)
                #expect(test.status.tables[0] == (policy == .off ? 1 : 0))
            }
        }

        /// A page is copied on write while the other CPU gives it back and touches it again.
        @Test func aCopyOnWriteWhosePageGoes() throws {
            try TestMachine.atEveryPoint {
                let start = try $0.map(span)
                $0.task.touchWrite(start, 2 * page)
                _ = try $0.task.fork(pid: 2)
                return start
            } victim: { task, start in
                touch(task, start, 7)
            } intruder: { task, start in
                discard(task, start)
                touch(task, start + page, 3)
            } check: { test, start in
                #expect(test.byte(start + page) == 3)
                test.machine.process(2)!.checkInvariants()
            }
        }

        @Test func guardsWhoseTableIsReclaimed() throws {
            try TestMachine.atEveryPoint {
                let start = try $0.map(span)
                $0.task.touchWrite(start, 2 * page)
                return start
            } victim: { task, start in
                try! task.madvise(start + page, 2 * page, Advice.guardInstall.rawValue)
            } intruder: { task, start in
                discard(task, start)
                touch(task, start + 9 * page, 9)
            } check: { test, start in
                #expect(test.byte(start + page) == nil && test.byte(start + 2 * page) == nil)
                #expect(test.byte(start + 9 * page) == 9)
            }
        }

        @Test func populatingASpanThatIsReclaimed() throws {
            try TestMachine.atEveryPoint {
                try $0.map(span)
            } victim: { task, start in
                try! task.madvise(start, 6 * page, Advice.populateWrite.rawValue)
            } intruder: { task, start in
                discard(task, start)
                touch(task, start + 9 * page, 9)
            } check: { test, start in
                #expect(test.byte(start + 9 * page) == 9)
            }
        }
    }
#endif
