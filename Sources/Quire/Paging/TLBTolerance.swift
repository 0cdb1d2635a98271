// What a processor does not stand: two translations of one address in one TLB. Intel's may use either where the sizes differ,
// and wants the old one gone before the new one comes; others stop. A machine that is explored ends the run at
// the moment that a TLB would hold both; any other machine does not ask. The names are INV-TLB-SIZE and INV-TLB-ONE.
// Linux: the reasons given at pmdp_invalidate and ptep_clear_flush. Who needs which flush: docs/races.md.

/// What two translations of one address a TLB may hold.
enum TLBTolerance: UInt8, BitwiseCopyable, Sendable {
    /// Whatever comes: the machine uses one of them (tolerant).
    case any
    /// Of one size (strict-size).
    case oneSize
    /// None: of one size and to one frame (strict-any).
    case one

    private static let names = ["any", "one-size", "one"]
    var name: String { Self.names[Int(rawValue)] }
    init?(name: String) {
        guard let place = Self.names.firstIndex(of: name) else { return nil }
        self.init(rawValue: UInt8(place))
    }
}

extension TLBs {
    /// Ends an explored run where a TLB, which is locked, would hold two translations of an address with one more: a leaf of a
    /// class, and the frame that it gives the address. `replaces`: one of the same size makes way. O(translations held).
    @inline(never)
    func checkFill(
        _ cpu: CPU, _ tlb: TLB, _ number: Int, _ address: UInt64, leaf: Int, _ frame: FrameNumber, replaces: Bool
    ) {
        guard tolerance != .any else { return }
        func violated(_ what: String, _ address: UInt64) -> Never {
            cpu.violated(
                "the TLB of CPU \(number) has two translations of \(VirtualAddress(address)) with different \(what)")
        }
        let shift = shift(ofClass: leaf)
        let start = address & ~(1 << shift - 1)
        let first = UInt64(frame.rawValue) &- (address - start) >> Page.shift
        tlb.each { key, payload in
            guard key & TLBKey.tag == tlb.tag else { return }
            let heldShift = self.shift(ofClass: TLBKey.sizeClass(key))
            let held = (key & TLBKey.number) << heldShift
            guard held < start &+ 1 << shift, start < held &+ 1 << heldShift else { return }
            let shared = Swift.max(start, held)
            if TLBKey.origin(payload) != leaf {
                violated("sizes (INV-TLB-SIZE)", shared)
            }
            let (old, new) = (
                UInt64(TLBKey.frame(payload)) &+ (shared - held) >> Page.shift, first &+ (shared - start) >> Page.shift
            )
            if tolerance == .one, old != new, !replaces {
                violated("frames (INV-TLB-ONE)", shared)
            }
        }
    }
}
