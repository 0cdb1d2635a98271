// The reference model: memory as a dictionary of pages, trivially correct, as a second opinion on the model. It carries
// out every call of a workload and answers as a report does. It has no page tables, so it says nothing of VmPTE and
// faults; it chooses no addresses, and says so where a call asks for one.

import QuireWorkload

/// What one operation came to.
public struct Answer: Hashable, Sendable {
    /// The result, error or signal.
    public var outcome: CallReport.Outcome
    /// Bytes read, where they are few; else their hash.
    public var data: [UInt8]?
    public var hash: UInt64?

    init(_ outcome: CallReport.Outcome, data: [UInt8]? = nil) {
        self.outcome = outcome
        guard let data else { return }
        if data.count <= 64 {
            self.data = data
        } else {
            hash = data.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        }
    }
}

/// What the reference model says to an operation.
public enum Opinion {
    case answer(Answer)
    /// It has no answer of its own; what it was told is possible, and it has taken it over.
    case abstains(String)
    /// It cannot go on: the operation needs more than a dictionary of pages.
    case retires(String)
}

/// Runs operations one after the other.
public final class ReferenceModel {
    private let world = ReferenceWorld()
    /// Processes that run, by the order of their creation from 1 on.
    var spaces: [Int: ReferenceSpace] { world.spaces }
    /// The number of each process by the name that operations use.
    private var numbers: [Int: Int] = [0: 1]
    /// The descriptors of each process by its number: processes that share memory have their own.
    private var descriptors: [Int: [UInt64: ReferenceFile]] = [:]
    private var created = 1
    /// What is put in the place of an answer: a test's planted bug.
    var distort: ((Operation, Answer) -> Answer)?

    /// A machine with one process and no memory in use.
    public init() { world.spaces[1] = ReferenceSpace(world) }

    /// Carries an operation out; nil where its process does not run. `told` is what another side answered: where Linux
    /// has the choice, it is taken over.
    public func perform(_ operation: Operation, told: Answer? = nil) -> Opinion? {
        guard let number = numbers[operation.process], let space = world.spaces[number] else { return nil }
        space.descriptors = descriptors[number] ?? [:]
        let opinion = carryOut(operation, space, told)
        descriptors[number] = space.descriptors
        if let distort, case .answer(let answer) = opinion { return .answer(distort(operation, answer)) }
        return opinion
    }

    private func carryOut(_ operation: Operation, _ space: ReferenceSpace, _ told: Answer?) -> Opinion {
        func argument(_ index: Int) -> UInt64 { operation.argument(index) }
        let (first, second, third, fourth) = (argument(0), argument(1), argument(2), argument(3))
        var place: UInt64?
        if case .address(let address) = told?.outcome { place = address }
        switch operation.call {
        case .mmap:
            return address(space.mmap(first, second, third, fourth, argument(4), argument(5), told: place))
        case .mremap: return address(space.mremap(first, second, third, fourth, argument(4), told: place))
        case .pread: return number(space.read(first, second, third, fourth))
        case .pwrite: return number(space.write(first, second, third, fourth))
        case .writeText: return number(space.write(first, Array(operation.filledText.utf8), third))
        case .dup: return number(space.dup(first))
        case .adviseSelf: return number(space.adviseSelf(first, second, third & 0xFFFF_FFFF))
        case .brk: return address(space.brk(first))
        case .knob, .khugepaged, .dropCaches, .statistic, .gup, .unpin:
            return .retires("no folios, and nothing is pinned")
        default: return .answer(plainCall(operation, space))
        }
    }

    /// The calls that the model has an answer to whatever others say.
    private func plainCall(_ operation: Operation, _ space: ReferenceSpace) -> Answer {
        func argument(_ index: Int) -> UInt64 { operation.argument(index) }
        let (first, second, third) = (argument(0), argument(1), argument(2))
        switch operation.call {
        case .munmap: return plain(space.munmap(first, second))
        case .mprotect: return plain(space.mprotect(first, second, third))
        case .madvise: return plain(space.madvise(first, second, third & 0xFFFF_FFFF))
        case .mlock: return plain(space.mlock(first, second, .locked))
        case .mlock2:
            if third & 0xFFFF_FFFE != 0 { return plain("EINVAL") }
            return plain(space.mlock(first, second, third & 1 == 1 ? [.locked, .lockOnFault] : .locked))
        case .munlock: return plain(space.munlock(first, second))
        case .mlockall: return plain(space.mlockall(first & 0xFFFF_FFFF))
        case .munlockall:
            space.munlockall()
            return plain(nil)
        case .msync: return plain(space.msync(first, second, third & 0xFFFF_FFFF))
        case .mincore:
            let (error, bytes) = space.mincore(first, second)
            return error.map { Answer(.error($0)) } ?? Answer(.result(0), data: bytes)
        case .store: return store(space, first, second, UInt8(truncatingIfNeeded: third))
        case .load: return load(space, first, second)
        case .touchWrite, .touchRead: return touch(space, first, second, write: operation.call == .touchWrite)
        case .memfd:
            if first & 0xFFFF_FFE0 != 0 || first & 0x18 == 0x18 { return plain("EINVAL") }
            let file = ReferenceFile(size: 0)
            if first & 8 != 0 { file.seals = .execute } else if first & 2 == 0 { file.seals = .seal }
            file.isExecutable = first & 8 == 0
            return Answer(.result(Int64(space.open(file))))
        case .ftruncate: return plain(space.ftruncate(first, second))
        case .fallocate: return plain(space.fallocate(first, second, third, argument(3)))
        case .readText:
            switch space.read(first, second, third) {
            case .bytes(let bytes): return Answer(.result(Int64(bytes.count)), data: bytes)
            case .error(let name): return plain(name)
            }
        case .close: return plain(space.close(first))
        case .seal: return plain(space.seal(first, second & 0xFFFF_FFFF))
        case .nameArea: return plain("EINVAL")
        case .disableHugePages: return plain(second == 0 || second == 2 && first != 0 ? nil : "EINVAL")
        case .mmap, .mremap, .pread, .pwrite, .writeText, .dup, .adviseSelf, .brk, .fork, .vfork, .clone, .exit, .wait4,
            .knob, .khugepaged, .dropCaches, .statistic, .gup, .unpin:
            return family(operation, space)
        }
    }

    private func family(_ operation: Operation, _ space: ReferenceSpace) -> Answer {
        let first = Int(truncatingIfNeeded: operation.argument(0))
        switch operation.call {
        case .fork, .vfork, .clone:
            created += 1
            numbers[first] = created
            world.spaces[created] = operation.call == .vfork ? space : space.fork(world)
            descriptors[created] = space.descriptors
            return Answer(.result(Int64(created)))
        case .exit:
            guard let number = numbers[operation.process] else { return plain(nil) }
            world.spaces[number] = nil
            if !world.spaces.values.contains(where: { $0 === space }) { space.removeAll() }
            return plain(nil)
        default: return numbers[first].map { Answer(.result(Int64($0))) } ?? plain("ECHILD")
        }
    }

    private func plain(_ error: String?) -> Answer { Answer(error.map { .error($0) } ?? .result(0)) }

    private func address(_ result: ReferenceResult) -> Opinion {
        switch result {
        case .value(let address): .answer(Answer(.address(address)))
        case .error(let name): .answer(Answer(.error(name)))
        case .open(let why): .abstains(why)
        case .retire(let why): .retires(why)
        }
    }

    private func number(_ result: ReferenceResult) -> Opinion {
        if case .value(let number) = result { return .answer(Answer(.result(Int64(bitPattern: number)))) }
        return address(result)
    }

    // MARK: Accesses

    private func store(_ space: ReferenceSpace, _ address: UInt64, _ count: UInt64, _ byte: UInt8) -> Answer {
        eachPage(address, count) { at, bytes in
            if let fault = space.access(at, write: true) { return fault }
            space.write(at, [UInt8](repeating: byte, count: bytes))
            return nil
        }
    }

    private func load(_ space: ReferenceSpace, _ address: UInt64, _ count: UInt64) -> Answer {
        var data: [UInt8] = []
        let answer = eachPage(address, count) { at, bytes in
            if let fault = space.access(at, write: false) { return fault }
            data += space.contents(at, bytes)
            return nil
        }
        if case .signal = answer.outcome { return answer }
        return Answer(.none, data: data)
    }

    private func eachPage(_ address: UInt64, _ count: UInt64, _ body: (UInt64, Int) -> ReferenceFault?) -> Answer {
        var (at, left) = (address, count)
        while left > 0 {
            let bytes = min(left, 4096 - at & 4095)
            if let fault = body(at, Int(bytes)) { return signal(fault, at) }
            at &+= bytes
            left -= bytes
        }
        return plain(nil)
    }

    /// One byte in each page, the first that the range covers.
    private func touch(_ space: ReferenceSpace, _ address: UInt64, _ length: UInt64, write: Bool) -> Answer {
        var at = address
        while at < address &+ length {
            if write {
                let answer = store(space, at, 1, UInt8(truncatingIfNeeded: at >> 12))
                if case .signal = answer.outcome { return answer }
            } else if let fault = space.access(at, write: false) {
                return signal(fault, at)
            }
            at = (at & ~4095) &+ 4096
            if at == 0 { break }
        }
        return plain(nil)
    }

    private func signal(_ fault: ReferenceFault, _ address: UInt64) -> Answer {
        Answer(.signal(fault.signal, code: fault.code, address: fault == .notCanonical ? 0 : address))
    }
}
