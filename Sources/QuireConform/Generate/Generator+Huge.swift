// Workloads of huge pages: the machine's sizes are drawn, memory is anonymous and lies at the borders of folios and in their
// parts, advice is what makes, splits and drops folios, and memory is pinned. At the end the machine's counters are read,
// of those sizes that only asking for them gives: others on the machine move the rest.

extension Generator {
    private static let hugeAdvice: [UInt64] = [
        4, 4, 4, 4, 8, 8, 8, 8, 14, 14, 14, 15, 15, 20, 20, 21, 21, 21, 22, 23, 23, 25, 25, 25, 25, 10, 11, 18, 19, 24,
        102,
        103, 0,
    ]
    private static let mostPins = 12

    /// Draws what the machine is set to.
    mutating func setKnobs() {
        func pick(_ shares: [Int]) -> UInt64 {
            var number = random.number(100)
            for (place, share) in shares.enumerated() {
                if number < share { return UInt64(place) }
                number -= share
            }
            return 0
        }
        var policies = [pick([10, 75, 15])]
        for _ in HugeKnobs.sizes { policies.append(pick([35, 35, 12, 18])) }
        // Most runs have pages of 2 MiB. They are never for all memory: khugepaged would look at every program on the machine.
        if random.chance(60) { policies[8] = random.pick([1, 3]) }
        if policies[8] == 2 || policies[8] == 3 && policies[0] == 2 { policies[8] = 1 }
        for (place, policy) in policies.enumerated() { add(.knob, [UInt64(place), policy], of: 0) }
        if random.chance(30) {
            add(.knob, [UInt64(HugeKnobs.maxNone), random.pick([0, 1, 8, 64, 255, 256, 510])], of: 0)
        }
        if random.chance(20) { add(.knob, [UInt64(HugeKnobs.maxShared), random.pick([0, 8, 256, 511])], of: 0) }
        if random.chance(15) { add(.knob, [UInt64(HugeKnobs.zeroPage), 0], of: 0) }
        if random.chance(10) { add(.knob, [UInt64(HugeKnobs.shrinkUnderused), 1], of: 0) }
        privateSizes = HugeKnobs.sizes.indices.filter { size in
            let policy = policies[size + 1] == 3 ? policies[0] : policies[size + 1]
            return policy != 2
        }
    }

    /// Anonymous memory, most of it advised.
    mutating func furnishHuge() {
        add(.mmap, [Zones.ceiling, 4096, 0, 0x31, .max, 0], of: 0)
        var page = 0
        while page < zones.main.pages {
            let count = min(random.pick([512, 513, 700, 1024, 1500, 2048]), zones.main.pages - page)
            let (place, bytes) = (zones.main.address(page), UInt64(count) << 12)
            add(.mmap, [place, bytes, 3, 0x32, .max, 0], of: 0)
            if random.chance(65) { add(.madvise, [place, bytes, 14], of: 0) }
            zones.main.marks += [page, page + count - 1]
            page += count + random.pick([0, 0, 0, 1, 16, 512])
        }
    }

    /// One operation of a kind; false for a kind that is drawn as elsewhere.
    mutating func drawHuge(_ kind: String, _ who: Int) -> Bool {
        let (place, bytes) = zones.folioRange(&random)
        switch kind {
        case "mmap":
            let flags: UInt64 = random.pick([0x32, 0x32, 0x32, 0x32, 0x22, 0x4032, 0x8032, 0x100022])
            let at = flags & 0x100010 == 0 && random.chance(40) ? 0 : place
            add(.mmap, [at, bytes, random.pick([3, 3, 3, 3, 1, 7]), flags, .max, 0], of: who)
        case "mprotect": add(.mprotect, [place, bytes, random.pick([3, 3, 3, 1, 1, 0, 7])], of: who)
        case "madvise": add(.madvise, [place, bytes, random.pick(Self.hugeAdvice)], of: who)
        case "process_madvise": add(.adviseSelf, [place, bytes, random.pick([4, 8, 20, 21, 25])], of: who)
        case "mremap":
            let (target, _) = zones.folioRange(&random)
            let new = random.chance(70) ? bytes : max(4096, bytes / 2 & ~4095)
            switch random.number(10) {
            case ..<6: add(.mremap, [place, bytes, new, 3, target], of: who)
            case ..<8: add(.mremap, [place, bytes, random.chance(50) ? new : bytes + 65536, 1], of: who)
            case 8: add(.mremap, [place, bytes, new, 0], of: who)
            default: add(.mremap, [place, bytes, bytes, 7, target], of: who)
            }
        case "store", "load":
            let at = place + UInt64(random.chance(70) ? 0 : random.number(4096))
            let size = random.pick([1, 8, 64, 4096, 10000, 65536] as [UInt64])
            // Zeroes too: a split gives pages of them back.
            let byte = random.chance(20) ? 0 : UInt64(random.number(256))
            add(kind == "store" ? .store : .load, kind == "store" ? [at, size, byte] : [at, size], of: who)
        case "khugepaged": add(.khugepaged, [1], of: who)
        case "drop_caches": add(.dropCaches, [], of: who)
        case "gup": pin(who, place, bytes)
        case "unpin": unpin()
        case "munmap", "touch_write", "touch_read", "mlock", "munlock", "mincore":
            guard let call = OperationCall(rawValue: kind) else { return true }
            add(call, [place, kind == "touch_read" || kind == "touch_write" ? min(bytes, 1 << 24) : bytes], of: who)
        default: return false
        }
        return true
    }

    mutating func pin(_ who: Int, _ place: UInt64, _ bytes: UInt64) {
        guard pinned.count < Self.mostPins else { return unpin() }
        let isReference = random.chance(30)
        let length =
            random.chance(60) ? random.pick([1, 4096, 8192, 65536]) : min(bytes, isReference ? 1 << 18 : 1 << 22)
        pins += 1
        pinned.append((UInt64(pins), who))
        add(.gup, [place, length, isReference ? 2 : 0x101, UInt64(pins)], of: who)
    }

    mutating func unpin() {
        guard !pinned.isEmpty else { return }
        let (handle, who) = pinned.remove(at: random.number(pinned.count))
        if isAlive(who) { add(.unpin, [handle], of: who) }
    }

    /// What is read at the end.
    var lastOperations: [Operation] {
        var last: [Operation] = []
        for size in privateSizes {
            for counter in HugeKnobs.counters.indices {
                last.append(Operation(.statistic, [HugeKnobs.statistic(size: size, counter)]))
            }
        }
        if privateSizes.last == HugeKnobs.sizes.count - 1 {
            last.append(Operation(.statistic, [HugeKnobs.pagesCollapsed]))
        }
        return last
    }
}

extension Zones {
    /// A range whose ends lie at the borders of folios of some size, or a little beside.
    mutating func folioRange(_ random: inout SeededRandom) -> (address: UInt64, length: UInt64) {
        if random.chance(25) { return range(&random) }
        let order = random.chance(30) ? 9 : random.number(2...8)
        let size = 1 << order
        var start = random.number(main.pages / size) * size
        var count = random.number(1...(order == 9 ? 2 : 6)) * size
        if random.chance(35) { start += random.number(min(size, 16)) }
        if random.chance(35) { count = max(1, count - random.number(min(size, 16))) }
        count = max(1, min(count, main.pages - start))
        start = min(start, main.pages - 1)
        main.marks = (main.marks + [start, min(start + count, main.pages - 1)]).suffix(64)
        return (main.address(start), UInt64(count) << 12)
    }
}
