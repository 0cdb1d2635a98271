// Which operations' order matters. Two steps of different strands commute unless they concern the same object and one of
// them changes it; what a lock's operations do to each other is known more exactly, and so is RCU.

import Quire

extension SyncEvent {
    /// Whether swapping this step with another strand's neighbouring one could make a difference.
    func depends(on other: SyncEvent) -> Bool {
        if name == .rcu, other.name == .rcu {
            // Readers do not see each other; a grace period sees every reader.
            return kind == .gracePeriod || other.kind == .gracePeriod || object == other.object
        }
        guard object == other.object else { return false }
        if kind == .readLock || kind == .readUnlock, other.kind == .readLock || other.kind == .readUnlock {
            return false
        }
        return changes || other.changes
    }

    /// Whether both could be about to happen at the same moment: what a lock's holder does excludes another's acquisition.
    func mayBeCoenabled(with other: SyncEvent) -> Bool {
        guard object == other.object else { return true }
        return !(isBlockingAcquisition && other.isRelease) && !(isRelease && other.isBlockingAcquisition)
            && !(isRelease && other.isRelease && (kind == .unlock || other.kind == .unlock))
    }

    private var isBlockingAcquisition: Bool { kind == .lock || kind == .readLock }
    private var isRelease: Bool { kind == .unlock || kind == .readUnlock || kind == .downgrade }
}
