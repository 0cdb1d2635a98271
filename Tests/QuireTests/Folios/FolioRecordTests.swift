// The records of large folios: heads and tails, mappings by page and whole, owners, and the list of folios to be split.

import Testing

@testable import Quire

@Suite struct FolioRecordTests {
    private func folio(_ test: TestMachine, order: Int) -> FrameNumber {
        let head = test.memory.allocateFolio(test.cpu, order: order, [])
        test.memory.initializeFolio(
            test.cpu, head, order: order, .anonymous, flags: FrameFlags.swapBacked, pageFlags: 0, references: 1,
            mapping: 7,
            index: 100)
        return head
    }

    @Test(arguments: [2, 4, 9, 10]) func everyPageKnowsItsHead(_ order: Int) throws {
        let test = try TestMachine()
        let memory = test.memory
        let head = folio(test, order: order)
        #expect(head.rawValue & (1 << UInt32(order) - 1) == 0, "a folio is aligned to its size")
        for number in 0..<(1 << order) {
            let frame = memory.page(head, number)
            #expect(memory.head(test.cpu, frame) == head && memory.pageNumber(frame, of: head) == number)
            #expect(memory.kind(test.cpu, frame) == .anonymous)
            #expect(memory.pageOffset(test.cpu, frame) == 100 + UInt64(number))
        }
        #expect(memory.order(test.cpu, head) == order && memory.isLarge(test.cpu, head))
        memory.put(test.cpu, folio: head, count: 1)
        test.expectNothingLeft()
    }

    @Test func twoOwnersAreKnownAndAThirdIsTakenForASharer() throws {
        let test = try TestMachine()
        let (memory, cpu) = (test.memory, test.cpu)
        let head = folio(test, order: 4)
        memory.mapPages(cpu, head, first: 0, count: 16, owner: 1)
        #expect(memory.isMappedByOneSpace(cpu, head))
        memory.mapPages(cpu, head, first: 0, count: 16, owner: 2)
        #expect(!memory.isMappedByOneSpace(cpu, head))
        memory.mapPages(cpu, head, first: 0, count: 16, owner: 3)
        memory.unmapPages(cpu, head, first: 0, count: 16, owner: 1)
        memory.unmapPages(cpu, head, first: 0, count: 16, owner: 3)
        #expect(memory.isMappedByOneSpace(cpu, head), "the second owner is alone")
        memory.mapPages(cpu, head, first: 0, count: 16, owner: 4)
        memory.mapPages(cpu, head, first: 0, count: 16, owner: 5)
        memory.unmapPages(cpu, head, first: 0, count: 16, owner: 2)
        memory.unmapPages(cpu, head, first: 0, count: 16, owner: 4)
        #expect(!memory.isMappedByOneSpace(cpu, head), "the last one found no place: nobody can tell")
        memory.unmapPages(cpu, head, first: 0, count: 16, owner: 5)
        #expect(memory.mappings(cpu, head) == 0)
        memory.put(cpu, folio: head, count: 1)
        test.expectNothingLeft()
    }

    @Test func partlyMappedFolioWaitsToBeSplitUntilItIsFreed() throws {
        let test = try TestMachine()
        let (memory, cpu) = (test.memory, test.cpu)
        let heads = [folio(test, order: 4), folio(test, order: 4), folio(test, order: 4)]
        for head in heads { memory.mapPages(cpu, head, first: 0, count: 16, owner: 1) }
        for head in heads {
            memory.unmapPages(cpu, head, first: 3, count: 2, owner: 1)
            memory.unmapPages(cpu, head, first: 9, count: 1, owner: 1)
        }
        #expect(memory.splitQueueLength == 3 && test.cpu.value(of: .splitDeferred, order: 4) == 3)
        for head in [heads[1], heads[0], heads[2]] {
            memory.unmapPages(cpu, head, first: 0, count: 3, owner: 1)
            memory.unmapPages(cpu, head, first: 5, count: 4, owner: 1)
            memory.unmapPages(cpu, head, first: 10, count: 6, owner: 1)
            memory.put(cpu, folio: head, count: 1)
        }
        #expect(memory.splitQueueLength == 0 && memory.firstInSplitQueue.isNone)
        test.expectNothingLeft()
    }

    @Test func wholeMappingsCountForEveryPage() throws {
        let test = try TestMachine()
        let (memory, cpu) = (test.memory, test.cpu)
        let head = folio(test, order: 9)
        memory.mapWhole(cpu, head, owner: 1)
        memory.mapPages(cpu, head, first: 7, count: 1, owner: 2)
        #expect(memory.mappings(cpu, head) == 2)
        #expect(memory.mappings(cpu, ofPage: memory.page(head, 7)) == 2)
        #expect(memory.mappings(cpu, ofPage: memory.page(head, 8)) == 1)
        memory.unmapWhole(cpu, head, owner: 1)
        #expect(memory.splitQueueLength == 1, "one page of 512 is left")
        memory.unmapPages(cpu, head, first: 7, count: 1, owner: 2)
        memory.put(cpu, folio: head, count: 1)
        test.expectNothingLeft()
    }

    @Test func takenApartEveryPageIsAFolioOfItsOwn() throws {
        let test = try TestMachine()
        let (memory, cpu) = (test.memory, test.cpu)
        let head = folio(test, order: 3)
        memory.splitRecords(cpu, head, order: 3, referencesOfHead: 1)
        for number in 0..<8 {
            let frame = memory.page(head, number)
            #expect(memory.head(cpu, frame) == frame && !memory.isLarge(cpu, frame))
            #expect(memory.index(frame) == 100 + UInt64(number) && memory.mapping(frame) == 7)
            memory.put(cpu, frame)
        }
        test.expectNothingLeft()
    }
}
