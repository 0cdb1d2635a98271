// What is explored: how it starts, what each simulated CPU does, and what came of it. MachineScene.swift makes scenes of
// the memory manager; a scene of a few words and locks needs no machine.

public import Quire

/// Something to explore.
public struct Scene {
    /// Puts everything back to the beginning and hands operations to the hook; nil: the exploration is over, and nothing refers to
    /// its hook any more.
    public var reset: (ScheduleHook?) -> Void
    /// What each simulated CPU does; number n runs on CPU n.
    public var bodies: [() -> Void]
    /// What came of a run, once all have ended.
    public var outcome: () -> String
    /// Whether an operation touches what is nobody's any more: what is broken. With the number of the CPU that does it; nil: a
    /// store that leaves a buffer.
    public var inspect: ((SyncEvent, Int?) -> String?)?
    /// What an operation is called in a diagram, asked just before it happens.
    public var describe: ((SyncEvent) -> String)?
    /// Why the last run was none: something in the scene itself is wrong. Asked after each run; it ends the search.
    public var failure: (() -> (any Error)?)?

    public init(
        reset: @escaping (ScheduleHook?) -> Void, bodies: [() -> Void], outcome: @escaping () -> String,
        inspect: ((SyncEvent, Int?) -> String?)? = nil, describe: ((SyncEvent) -> String)? = nil,
        failure: (() -> (any Error)?)? = nil
    ) {
        self.reset = reset
        self.bodies = bodies
        self.outcome = outcome
        self.inspect = inspect
        self.describe = describe
        self.failure = failure
    }
}
