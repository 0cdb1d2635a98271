// Store buffers as x86 has them (x86-TSO): a CPU's plain stores wait in order and become visible one by one, at moments that
// the chooser picks; its own loads see them at once. Operations with a lock prefix wait until the buffer is empty, and
// an interrupt empties it. Sewell, Sarkar, Owens and others, x86-TSO, CACM 2010.

import Quire

/// The store buffers of all strands.
struct StoreBuffers {
    private var queues: [[BufferedStore]] = []

    mutating func begin(_ strands: Int) { queues = Array(repeating: [], count: strands) }

    func hasStores(_ strand: Int) -> Bool { !queues[strand].isEmpty }

    mutating func append(_ store: BufferedStore, of strand: Int) { queues[strand].append(store) }

    /// The oldest store, as the operation that it will be.
    func oldest(of strand: Int) -> SyncEvent? {
        queues[strand].first.map { SyncEvent(kind: $0.kind, name: $0.name, order: .release, object: $0.address) }
    }

    mutating func removeOldest(of strand: Int) -> BufferedStore { queues[strand].removeFirst() }

    enum Own {
        case none
        case value(UInt64)
        /// Some of the bytes only: the processor waits until they are out.
        case overlap
    }

    /// What a load of the strand finds in its own buffer: the youngest store to the place.
    func value(_ address: UInt64, size: UInt8, of strand: Int) -> Own {
        for store in queues[strand].reversed() {
            let end = store.address + UInt64(store.size)
            guard address < end, store.address < address + UInt64(size) else { continue }
            guard address >= store.address, address + UInt64(size) <= end else { return .overlap }
            let bits = store.value >> (8 * (address - store.address))
            return .value(size == 8 ? bits : bits & (1 << UInt64(8 * size) - 1))
        }
        return .none
    }
}
