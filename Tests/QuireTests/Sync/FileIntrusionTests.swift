// Two CPUs in every order of one whole operation inside another, where a file or the mmap lock is involved: a page of
// a file is made once, and an access that a call takes the ground from under faults anew.

import Testing

@testable import Quire

#if DEBUG  // Which locks a CPU holds is known in debug builds alone.
    @Suite struct FileIntrusionTests {
        private func recordedFile(_ test: TestMachine) throws -> UInt64 {
            let fd = try test.task.openRecorded("/lib/libc.so.6", size: 512 * page)
            return try test.task.mmap(
                0x4000_0000, length: span, protection: [.read, .write], flags: [.private, .fixed], fd: fd)
        }

        private func memoryFile(_ test: TestMachine) throws -> UInt64 {
            let fd = try test.task.memfdCreate("x")
            try test.task.ftruncate(fd, span)
            return try test.task.mmap(
                0x4000_0000, length: span, protection: [.read, .write], flags: [.shared, .fixed], fd: fd)
        }

        @Test func aPageOfAFileIsMadeOnce() throws {
            try TestMachine.atEveryPoint {
                try recordedFile($0)
            } victim: { task, start in
                #expect(task.access(start + 5 * page, .read) == .done)
            } intruder: { task, start in
                #expect(task.access(start + 7 * page, .read) == .done)
            } check: { test, _ in
                #expect(test.status.file == 64)
                #expect(test.core.files[test.process.descriptors[3]!.file].indexedPages == 16)
            }
        }

        @Test func aPageOfSharedMemoryIsMadeOnce() throws {
            try TestMachine.atEveryPoint {
                try memoryFile($0)
            } victim: { task, start in
                #expect(task.storeByte(start + 5 * page, 1) == .done)
            } intruder: { task, start in
                #expect(task.storeByte(start + 5 * page + 1, 2) == .done)
            } check: { test, start in
                #expect(test.byte(start + 5 * page) == 1 && test.byte(start + 5 * page + 1) == 2)
                #expect(test.status.shared == 4)
            }
        }

        @Test func aCopyOfAFilesPageIsMadeOnce() throws {
            try TestMachine.atEveryPoint {
                try recordedFile($0)
            } victim: { task, start in
                #expect(task.storeByte(start + 5 * page, 1) == .done)
            } intruder: { task, start in
                #expect(task.storeByte(start + 5 * page + 1, 2) == .done)
            } check: { test, start in
                #expect(test.byte(start + 5 * page) == 1 && test.byte(start + 5 * page + 1) == 2)
                #expect(test.status.anonymous == 4)
            }
        }

        /// The file's pages are given back while one of them is being mapped or copied.
        @Test(arguments: [Access.read, .write]) func aFaultInASpanThatIsGivenBack(_ access: Access) throws {
            try TestMachine.atEveryPoint {
                let start = try recordedFile($0)
                $0.task.touchRead(start, 3 * page)
                return start
            } victim: { task, start in
                #expect(task.access(start, access) == .done)
            } intruder: { task, start in
                try! task.madvise(start, span, Advice.dontNeed.rawValue)
            }
        }

        @Test func anAccessWhoseAreaIsUnmapped() throws {
            var outcomes: Set<String> = []
            try TestMachine.atEveryPoint(takesMmapLock: true) {
                let start = try $0.map(span)
                $0.task.touchWrite(start, page)
                return start
            } victim: { task, start in
                outcomes.insert("\(task.storeByte(start, 7))")
                outcomes.insert("\(task.storeByte(start + 3 * page, 7))")
            } intruder: { task, start in
                try! task.munmap(start, span)
            } check: { test, _ in
                #expect(test.status.pageTables == 0)
            }
            #expect(outcomes.count >= 2, "it was done, or it got a signal")
        }

        @Test func anAccessWhoseAreaIsReplacedMovedOrForked() throws {
            let intruders: [(Quire.Task, UInt64) -> Void] = [
                { task, start in
                    _ = try! task.mmap(
                        start, length: span, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
                    _ = task.storeByte(start + page, 55)
                },
                { task, start in
                    try! task.mremap(start, span, span, [.mayMove, .dontUnmap])
                    _ = task.storeByte(start + page, 55)
                },
                { task, start in
                    try! task.mprotect(start, span, .read)
                    try! task.mprotect(start, span, [.read, .write])
                    _ = task.storeByte(start + page, 55)
                },
                { task, start in
                    _ = try! task.fork(pid: 2)
                    _ = task.storeByte(start + page, 55)
                },
            ]
            for intruder in intruders {
                try TestMachine.atEveryPoint(takesMmapLock: true) {
                    let start = try $0.map(span)
                    $0.task.touchWrite(start, 2 * page)
                    return start
                } victim: { task, start in
                    #expect(task.storeByte(start, 7) == .done)
                    #expect(task.storeByte(start + 3 * page, 8) == .done)
                } intruder: { task, start in
                    intruder(task, start)
                } check: { test, start in
                    #expect(test.byte(start + page) == 55)
                    for process in test.machine.processes { process.checkInvariants() }
                }
            }
        }

        @Test func aStackThatGrowsTwiceAtOnce() throws {
            try TestMachine.atEveryPoint(takesMmapLock: true) {
                try $0.map(2 * page, at: 0x7000_0000, [.read, .write], .growsDown)
            } victim: { task, start in
                #expect(task.storeByte(start - 4 * page, 1) == .done)
            } intruder: { task, start in
                #expect(task.storeByte(start - 9 * page, 2) == .done)
            } check: { test, start in
                #expect(test.byte(start - 4 * page) == 1 && test.byte(start - 9 * page) == 2)
                #expect(test.status.size == 44)
            }
        }
    }
#endif
