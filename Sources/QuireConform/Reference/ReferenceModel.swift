// The reference model: memory as a dictionary of pages, trivially correct, as a second opinion on the model. It carries
// out the anonymous and memfd part of the calls and answers as a report does. It has no page tables, so it says nothing
// of VmPTE and faults, and it chooses no addresses.

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

/// Runs operations one after the other.
public final class ReferenceModel {
    /// Processes that run, by the order of their creation from 1 on.
    private(set) var spaces: [Int: ReferenceSpace] = [1: ReferenceSpace()]
    /// The number of each process by the name that operations use.
    private var numbers: [Int: Int] = [0: 1]
    private var created = 1
    /// What is put in the place of an answer: a test's planted bug.
    var distort: ((Operation, Answer) -> Answer)?

    /// A machine with one process and no memory in use.
    public init() {}

    /// Carries an operation out; nil where its process does not run.
    public func perform(_ operation: Operation) -> Answer? {
        guard let number = numbers[operation.process], let space = spaces[number] else { return nil }
        let answer = carryOut(operation, space)
        return distort?(operation, answer) ?? answer
    }

    private func carryOut(_ operation: Operation, _ space: ReferenceSpace) -> Answer {
        func argument(_ index: Int) -> UInt64 { operation.argument(index) }
        let (first, second, third) = (argument(0), argument(1), argument(2))
        switch operation.call {
        case .mmap: return place(space.mmap(first, second, third, argument(3), argument(4), argument(5)))
        case .munmap: return plain(space.munmap(first, second))
        case .mprotect: return plain(space.mprotect(first, second, third))
        case .mremap: return place(space.mremap(first, second, third, argument(3), argument(4)))
        case .madvise: return plain(space.madvise(first, second, third))
        case .mlock: return plain(space.mlock(first, second, .locked))
        case .mlock2:
            if third & ~1 != 0 { return plain("EINVAL") }
            return plain(space.mlock(first, second, third == 1 ? [.locked, .lockOnFault] : .locked))
        case .munlock: return plain(space.munlock(first, second))
        case .mincore:
            let (error, bytes) = space.mincore(first, second)
            return error.map { Answer(.error($0)) } ?? Answer(.result(0), data: bytes)
        case .store: return store(space, first, second, UInt8(truncatingIfNeeded: third))
        case .load: return load(space, first, second)
        case .touchWrite, .touchRead: return touch(space, first, second, write: operation.call == .touchWrite)
        case .memfd:
            let fd = UInt64(3 + space.files.count)
            space.files[fd] = ReferenceFile(pageCount: 0)
            return Answer(.result(Int64(fd)))
        case .ftruncate:
            guard let file = space.files[first] else { return plain("EBADF") }
            file.pageCount = pageAlign(second) >> 12
            return plain(nil)
        case .fork:
            created += 1
            numbers[Int(first)] = created
            spaces[created] = space.fork(among: Array(spaces.values))
            return Answer(.result(Int64(created)))
        case .exit:
            space.removeAll()
            if let number = numbers[operation.process] { spaces[number] = nil }
            return plain(nil)
        }
    }

    private func plain(_ error: String?) -> Answer { Answer(error.map { .error($0) } ?? .result(0)) }

    private func place(_ result: ReferenceResult) -> Answer {
        switch result {
        case .value(let address): Answer(.address(address))
        case .error(let name): Answer(.error(name))
        }
    }

    // MARK: Accesses

    private func store(_ space: ReferenceSpace, _ address: UInt64, _ count: UInt64, _ byte: UInt8) -> Answer {
        eachPage(address, count) { at, bytes in
            if let fault = space.access(at, write: true) { return fault }
            guard case .page(let memory) = space.entries[at >> 12] else { return .unmapped }
            let offset = Int(at & 4095)
            var contents = memory.bytes ?? [UInt8](repeating: 0, count: 4096)
            for place in offset..<(offset + bytes) { contents[place] = byte }
            memory.bytes = contents
            return nil
        }
    }

    private func load(_ space: ReferenceSpace, _ address: UInt64, _ count: UInt64) -> Answer {
        var data: [UInt8] = []
        let answer = eachPage(address, count) { at, bytes in
            if let fault = space.access(at, write: false) { return fault }
            let offset = Int(at & 4095)
            if case .page(let memory) = space.entries[at >> 12], let contents = memory.bytes {
                data += contents[offset..<(offset + bytes)]
            } else {
                data += [UInt8](repeating: 0, count: bytes)
            }
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
