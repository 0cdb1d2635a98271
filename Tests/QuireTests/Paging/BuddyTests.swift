// The buddy allocator against a map of who owns which frame: blocks never overlap, are aligned to their size, split
// and merge without losing one, and are all there in the end.

import Testing

@testable import Quire

/// The allocator of a small machine, and who owns each frame.
private final class FrameModel {
    let test: TestMachine
    var owned: [Bool]
    var blocks: [(frame: FrameNumber, order: Int)] = []
    let atStart: UInt64

    init(memory bytes: UInt64, cpus: Int = 1) throws {
        test = try TestMachine {
            $0.memory = bytes
            $0.cpus = cpus
        }
        owned = Array(repeating: false, count: Int(bytes / page))
        atStart = test.machine.frames.free
    }

    var memory: PhysicalMemory { test.memory }

    func allocate(_ cpu: CPU, order: Int, unmovable: Bool) -> Bool {
        let frame = memory.allocateBlock(cpu, order: order, unmovable ? .unmovable : [])
        guard !frame.isNone else { return false }
        let first = Int(frame.rawValue)
        #expect(first % (1 << order) == 0, "a block of order \(order) at frame \(first)")
        #expect(first + 1 << order <= owned.count)
        for place in first..<(first + 1 << order) {
            #expect(!owned[place], "frame \(place) is handed out twice")
            owned[place] = true
        }
        blocks.append((frame, order))
        return true
    }

    func free(_ cpu: CPU, at place: Int) {
        let block = blocks.remove(at: place)
        for frame in Int(block.frame.rawValue)..<(Int(block.frame.rawValue) + 1 << block.order) {
            owned[frame] = false
        }
        if block.order == 0 {
            memory.free(cpu, block.frame, unmovable: false)
        } else {
            memory.freeBlock(cpu, block.frame, order: block.order)
        }
    }

    var held: Int { blocks.reduce(0) { $0 + 1 << $1.order } }

    func expectCounted() { #expect(test.machine.frames.free == atStart - UInt64(held)) }
}

@Suite struct BuddyTests {
    @Test(arguments: [21, 22, 23] as [UInt64]) func randomBlocksNeverOverlapAndAllComeBack(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let model = try FrameModel(memory: 16 << 20)
        let cpu = model.test.cpu
        for step in 0..<600 {
            let grows = random.below(10) < (step < 300 ? 7 : 3)
            if grows || model.blocks.isEmpty {
                let order = random.oneIn(8) ? random.below(11) : random.below(5)
                _ = model.allocate(cpu, order: order, unmovable: random.oneIn(3))
            } else {
                model.free(cpu, at: random.below(model.blocks.count))
            }
            if step % 20 == 0 { model.expectCounted() }
        }
        while !model.blocks.isEmpty { model.free(cpu, at: random.below(model.blocks.count)) }
        model.expectCounted()
        expectWhole(model)
        model.test.expectNothingLeft()
    }

    /// Everything merged back: but for the first block, which lacks frame 0, all are blocks of the largest order.
    private func expectWhole(_ model: FrameModel) {
        let cpu = model.test.cpu
        model.memory.drain(cpu)
        let largest = model.owned.count / 1024 - 1
        for _ in 0..<largest { #expect(model.allocate(cpu, order: 10, unmovable: false)) }
        #expect(!model.allocate(cpu, order: 10, unmovable: false))
        while !model.blocks.isEmpty { model.free(cpu, at: 0) }
    }

    @Test func usedUpMemoryIsRefusedAndComesBackWhole() throws {
        let model = try FrameModel(memory: 8 << 20)
        let cpu = model.test.cpu
        for unmovable in [true, false] {
            var taken = 0
            while model.allocate(cpu, order: 0, unmovable: unmovable) { taken += 1 }
            #expect(UInt64(taken) == model.atStart, "every frame can be had, whatever it is for")
            #expect(model.test.machine.frames.free == 0)
            while !model.blocks.isEmpty { model.free(cpu, at: model.blocks.count - 1) }
        }
        expectWhole(model)
    }

    @Test(arguments: 1...10) func aBlockSplitsIntoAllItsParts(_ order: Int) throws {
        let model = try FrameModel(memory: 8 << 20)
        let cpu = model.test.cpu
        while model.allocate(cpu, order: 10, unmovable: false) {}
        let block = try #require(model.blocks.last)
        // What else there is goes first, so that the parts can only come from this block.
        while model.allocate(cpu, order: order, unmovable: false) {}
        let index = try #require(model.blocks.firstIndex { $0.frame == block.frame })
        let others = model.blocks.count - 1
        model.free(cpu, at: index)
        for _ in 0..<(1 << (10 - order)) { #expect(model.allocate(cpu, order: order, unmovable: false)) }
        #expect(!model.allocate(cpu, order: order, unmovable: false))
        for part in model.blocks[others...] {
            #expect(part.frame.rawValue >> 10 == block.frame.rawValue >> 10)
        }
        while !model.blocks.isEmpty { model.free(cpu, at: 0) }
        expectWhole(model)
    }

    @Test func tablesAndDataComeFromDifferentBlocks() throws {
        let test = try TestMachine()
        let start = try test.map(8 * span)
        for place in 0..<8 as Range<UInt64> { test.task.touchWrite(start + place * span, 4 * page) }
        var dataBlocks: Set<UInt32> = []
        var tableBlocks: Set<UInt32> = []
        for place in 0..<8 as Range<UInt64> {
            tableBlocks.insert(test.tables.position(test.cpu, start + place * span).table.rawValue >> 10)
            dataBlocks.insert(test.tables.format.frame(test.entry(start + place * span)).rawValue >> 10)
        }
        #expect(tableBlocks.isDisjoint(with: dataBlocks))
        test.expectNothingLeft()
    }

    @Test func eachCPUHasItsOwnListsAndDrainsThem() throws {
        let test = try TestMachine {
            $0.cpus = 2
            $0.memory = 32 << 20
        }
        let before = test.machine.frames.free
        var frames: [FrameNumber] = []
        for place in 0..<100 { frames.append(test.memory.allocate(test.machine.cpu(place % 2), [])) }
        #expect(Set(frames).count == 100)
        // Given back on the other CPU: it keeps them.
        for (place, frame) in frames.enumerated() {
            test.memory.free(test.machine.cpu(1 - place % 2), frame, unmovable: false)
        }
        #expect(test.machine.frames.free == before)
        // A list has a high-water mark: what lies above goes back to the zone.
        for _ in 0..<3000 { frames.append(test.memory.allocate(test.machine.cpu(0), [])) }
        for frame in frames[100...] { test.memory.free(test.machine.cpu(0), frame, unmovable: false) }
        let list = unsafe test.memory.perCPU.assumingMemoryBound(to: UInt32.self)
        #expect(unsafe list[1] <= 1197)
        for index in 0..<2 { test.memory.drain(test.machine.cpu(index)) }
        #expect(unsafe list[1] == 0)
        #expect(test.machine.frames.free == before)
        test.expectNothingLeft()
    }

    @Test func framesBeyondTheFrontierCostNothing() throws {
        // A terabyte: neither the frames nor their 8 GB of records may be touched to start it.
        let test = try TestMachine { $0.memory = 1 << 40 }
        #expect(test.machine.frames.total == 1 << 28)
        #expect(unsafe test.memory.zone.pointee.frontier <= 4096)
        let start = try test.map(4 * span)
        test.task.touchWrite(start, 8 * page)
        test.expectNothingLeft()
    }
}
