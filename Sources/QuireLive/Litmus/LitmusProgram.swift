// A litmus test as the worker gets it: operations in three parts, actors, and which results make up an outcome; as the words
// of `quire_litmus.h`. `LitmusCompiler` makes it out of lines, `LiveLitmus` sends it.

import CQuireLive
import QuireWorkload

/// One operation of an actor.
struct LitmusOperation {
    /// An argument: a number, and what is added to it when the operation is done.
    struct Argument: Equatable {
        enum Added: Equatable {
            case nothing
            /// The result of an operation, by its place in the program as it was compiled.
            case result(Int)
            /// The pid of an actor.
            case pid(Int)
        }

        var value: UInt64
        var added = Added.nothing

        init(_ value: UInt64, _ added: Added = .nothing) {
            self.value = value
            self.added = added
        }
    }

    var kind: quire_litmus_kind
    var actor: Int
    var line: Int
    var call: UInt64 = 0
    var arguments: [Argument] = []
}

/// Who acts: a thread or a process.
struct LitmusActor {
    /// The number that its name stands for, and its process's.
    var number: Int
    var process: Int
    /// The operation that makes it, and who does that; nil for the first process.
    var maker: (operation: Int, actor: Int)?
    var isThread = false
    /// It is there when the block begins; it takes part in the block.
    var starts = false
    var counts = false
    /// Where it ends itself; nothing of it comes afterwards.
    var exit: LitmusPart?
}

/// The parts of a test.
enum LitmusPart { case before, block, after }

/// A test, ready to be sent.
struct LitmusProgram {
    static let mostActors = Int(QUIRE_LITMUS_ACTORS)
    static let mostOperations = Int(QUIRE_LITMUS_OPERATIONS)
    static let mostObserved = Int(QUIRE_LITMUS_OBSERVED)

    var before: [Int] = []
    /// The block's, in the order of the file.
    var block: [Int] = []
    var after: [Int] = []
    /// All of them as they were compiled; the lists above say which goes where.
    var operations: [LitmusOperation] = []
    var actors: [LitmusActor] = []
    var observed: [Int] = []

    /// Whether the block and what follows touch only what stores in front of the block write: then calls are made once, not
    /// in each run, which runs ten times as many a second.
    private var isPlain: Bool {
        typealias Kind = quire_litmus_kind
        var written: [LitmusOperation] = []
        for place in before {
            let operation = operations[place]
            switch operation.kind {
            case QUIRE_LITMUS_STORE: written.append(operation)
            // A mapping behind a store might take it away again, which it would not do in the second run.
            case QUIRE_LITMUS_CALL where operation.call == quire_call_number(QUIRE_MMAP) && written.isEmpty: continue
            case QUIRE_LITMUS_THREAD where actors.allSatisfy { $0.process == actors[0].process }: continue
            default: return false
            }
        }
        return (block + after).allSatisfy { place in
            let operation = operations[place]
            guard operation.kind == QUIRE_LITMUS_STORE || operation.kind == QUIRE_LITMUS_LOAD else { return false }
            return written.contains { store in
                let (start, accessed) = (store.arguments[0], operation.arguments[0])
                let (count, wanted) = (store.arguments[1].value, operation.arguments[1].value)
                return start.added == accessed.added && accessed.value >= start.value && wanted <= count
                    && accessed.value - start.value <= count - wanted
            }
        }
    }

    /// The words of `struct quire_litmus` as bytes, with each actor on a CPU of its own as far as `cpus` go.
    func encoded(cpus: [Int]) -> [UInt8] {
        var order = before
        var ranges: [Range<Int>] = []
        for actor in actors.indices {
            let begin = order.count
            order += block.filter { operations[$0].actor == actor }
            ranges.append(begin..<order.count)
        }
        let end = order.count
        order += after
        var places: [Int: Int] = [:]
        for (place, operation) in order.enumerated() { places[operation] = place }

        func uses(_ kinds: quire_litmus_kind...) -> UInt64 {
            operations.contains { kinds.contains($0.kind) } ? 1 : 0
        }
        let openers = [QUIRE_MEMFD_CREATE, QUIRE_PIDFD_OPEN, QUIRE_DUP].map { quire_call_number($0) }
        let opens = operations.contains { $0.kind == QUIRE_LITMUS_CALL && openers.contains($0.call) }
        var words: [UInt64] = [
            UInt64(actors.count), UInt64(order.count), UInt64(observed.count), UInt64(before.count), UInt64(end),
            actors.count > cpus.count ? 1 : 0, isPlain ? 1 : 0, uses(QUIRE_LITMUS_FORK), opens ? 1 : 0,
            uses(QUIRE_LITMUS_PIN),
        ]
        for index in 0..<Self.mostActors {
            guard index < actors.count else {
                words += [UInt64](repeating: 0, count: 7)
                continue
            }
            let actor = actors[index]
            words += [
                UInt64(ranges[index].lowerBound), UInt64(ranges[index].upperBound),
                UInt64(cpus.isEmpty ? 0 : cpus[index % cpus.count]), UInt64(actor.process), actor.starts ? 1 : 0,
                actor.counts ? 1 : 0, actor.isThread && actor.process == actors[0].process ? 1 : 0,
            ]
        }
        words += (0..<Self.mostObserved).map { $0 < observed.count ? UInt64(places[observed[$0]] ?? 0) : 0 }
        for index in order { words += encoded(operations[index], places) }
        return words.flatMap(\.littleEndianBytes)
    }

    private func encoded(_ operation: LitmusOperation, _ places: [Int: Int]) -> [UInt64] {
        var values: [UInt64] = []
        var added: [UInt64] = []
        for index in 0..<6 {
            guard index < operation.arguments.count else {
                values.append(0)
                added.append(0)
                continue
            }
            let argument = operation.arguments[index]
            switch argument.added {
            case .nothing:
                values.append(argument.value)
                added.append(0)
            case .result(let place) where operation.kind == QUIRE_LITMUS_UNPIN:
                values.append(UInt64(places[place] ?? 0))
                added.append(0)
            case .result(let place):
                values.append(argument.value)
                added.append(UInt64(QUIRE_LITMUS_RESULT) + UInt64(places[place] ?? 0))
            case .pid(let actor):
                values.append(argument.value)
                added.append(UInt64(QUIRE_LITMUS_PID) + UInt64(actor))
            }
        }
        return [UInt64(operation.kind.rawValue), UInt64(operation.actor), operation.call, UInt64(operation.line)]
            + values + added
    }
}
