// Arguments at their edges: 0, 1, a byte beside a page, 2^47, 2^56, 2^64 − 1, unaligned, overlapping, bits that nobody
// knows; in one argument of a call or in two, since Linux's errno tells which of two errors it looks for first.

extension Generator {
    private static let addresses: [UInt64] = [
        0, 1, 4095, 4096, 4097, 1 << 47, (1 << 47) - 4096, (1 << 47) - 4097, (1 << 47) - 1, 1 << 56, 1 << 63, .max,
        .max - 4095, .max - 4096,
    ]
    private static let lengths: [UInt64] = [
        0, 0, 1, 4095, 4096, 4097, 1 << 21, 1 << 43, 1 << 47, (1 << 47) - 4096, (1 << 47) - 1, 1 << 56, 1 << 63, .max,
        .max - 4094, .max - 4095, .max - 4096,
    ]
    private static let offsets: [UInt64] = [
        0, 1, 4095, 4096, 4097, 1 << 47, 1 << 56, (1 << 63) - 1, (1 << 63) - 4096, 1 << 63, .max, .max - 4095,
    ]
    private static let advice: [UInt64] = [5, 6, 7, 25, 26, 99, 104, 255, 1 << 31, 1 << 32, 1 << 32 | 4, 1 << 63, .max]
    private static let descriptors: [UInt64] = [
        .max, 1 << 31, 1 << 32, 1 << 32 | 3, 100, 0xFFFF_FFFF, 0x7FFF_FFFF, 3, 4, 5, 6,
    ]

    /// The operation with an argument, or two, at an edge. What would reach memory that is not alike on every side, or
    /// take for ever, stays as it is.
    mutating func sharpened(_ operation: Operation) -> Operation {
        let kinds = CallForm.of(operation.call).kinds
        let isAsItIs = operation.call.needsHugePages || operation.call == .gup || operation.call == .unpin
        if isAsItIs || operation.call.makesProcess || operation.call == .wait4 || operation.arguments.isEmpty {
            return operation
        }
        var sharp = operation
        for _ in 0..<(random.chance(30) ? 2 : 1) {
            let index = random.number(operation.arguments.count)
            sharp.arguments[index] = edge(sharp, index, kinds[index])
        }
        return sharp.isAlike(withHugePages: isHuge) ? sharp : operation
    }

    private mutating func edge(_ operation: Operation, _ index: Int, _ kind: ArgumentKind) -> UInt64 {
        let value = operation.arguments[index]
        switch kind {
        case .address, .target:
            // Beside where it was, over the other range of the call, or far out.
            if random.chance(30) { return value &+ random.pick([1, 2048, 4095, .max, 0 &- 4096]) }
            if kind == .target, random.chance(40) {
                let near = [0, 4096, 0 &- 4096, operation.argument(1), 0 &- operation.argument(2)] as [UInt64]
                return operation.argument(0) &+ random.pick(near)
            }
            return random.pick(Self.addresses)
        case .length, .count:
            if random.chance(30) { return value &+ random.pick([1, 2048, 4095, .max, 0 &- 4096]) }
            if random.chance(5) { return 0 &- operation.argument(0) }
            return random.pick(Self.lengths)
        case .offset, .size:
            if random.chance(30) { return value &+ random.pick([1, 2048, 4095, .max, 0 &- 4096]) }
            return random.pick(Self.offsets)
        case .rights, .mapFlags, .remapFlags, .lockFlags, .lockAllFlags, .syncFlags, .memfdFlags, .fallocateMode,
            .seals, .pinFlags:
            // The low bits mean something, the high ones are cut off or refused.
            return value ^ 1 << UInt64(random.chance(80) ? random.number(32) : random.number(64))
        case .advice: return random.pick(Self.advice)
        case .descriptor: return random.pick(Self.descriptors)
        case .byte, .number: return random.pick([0, 1, 2, 3, 255, 256, 1 << 32, .max])
        case .child, .handle, .statistic: return value
        }
    }
}
