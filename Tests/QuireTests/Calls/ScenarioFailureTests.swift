// Failure injection over a whole scenario: for n = 0, 1, 2, … the n-th allocation of one kind fails, until the scenario
// passes unharmed. The call that it hits gives Linux's error and leaves what Linux leaves; made again it succeeds, and
// from there on everything is as if nothing had happened. In the end nothing is left.

import Testing

@testable import Quire

/// What can be allocated.
enum AllocationKind: String, CaseIterable, Sendable, CustomStringConvertible {
    case areas, nodes, trees, spaces, anonVMAs, links, files, extras, userfaults, frames

    var description: String { rawValue }

    /// Lets the allocation after `count` more fail; negative: none.
    func fail(_ test: TestMachine, after count: Int) {
        switch self {
        case .areas: test.core.areas.fail(after: count)
        case .nodes: test.core.nodes.fail(after: count)
        case .trees: test.core.trees.fail(after: count)
        case .spaces: test.core.spaces.fail(after: count)
        case .anonVMAs: test.core.anonVMAs.fail(after: count)
        case .links: test.core.links.fail(after: count)
        case .files: test.core.files.fail(after: count)
        case .extras: test.core.extrasPool.fail(after: count)
        case .userfaults: test.core.userfaults.fail(after: count)
        case .frames: test.memory.fail(after: count)
        }
    }

    /// Whether the failure is still to come.
    func isPending(_ test: TestMachine) -> Bool {
        switch self {
        case .areas: test.core.areas.isFailing
        case .nodes: test.core.nodes.isFailing
        case .trees: test.core.trees.isFailing
        case .spaces: test.core.spaces.isFailing
        case .anonVMAs: test.core.anonVMAs.isFailing
        case .links: test.core.links.isFailing
        case .files: test.core.files.isFailing
        case .extras: test.core.extrasPool.isFailing
        case .userfaults: test.core.userfaults.isFailing
        case .frames: unsafe test.memory.zone.pointee.failCountdown != 0
        }
    }
}

@Suite struct ScenarioFailureTests {
    /// The states of an unharmed run: before the first step, and after each.
    private static let unharmed: [[String]] = {
        guard let scene = try? Scene() else { return [] }
        var states = [scene.test.state()]
        for step in Scene.steps {
            #expect(scene.run(step) == .done, "\(step.name)")
            for process in scene.test.machine.processes { process.checkInvariants() }
            states.append(scene.test.state())
        }
        finish(scene, "unharmed")
        return states
    }()

    private static func finish(_ scene: Scene, _ comment: Comment) {
        if !scene.userfault.isNone { scene.test.space.releaseUserfault(scene.test.cpu, scene.userfault) }
        for process in scene.test.machine.processes { process.checkInvariants() }
        scene.test.expectNothingLeft(comment)
    }

    @Test(arguments: AllocationKind.allCases) func everyAllocationMayFail(_ kind: AllocationKind) throws {
        let states = Self.unharmed
        var hits = 0
        for count in 0..<2000 {
            let scene = try Scene()
            kind.fail(scene.test, after: count)
            var wasHit = false
            for (number, step) in Scene.steps.enumerated() {
                let outcome = scene.run(step)
                if kind.isPending(scene.test) {
                    #expect(outcome == .done, "\(step.name)")
                    continue
                }
                if outcome != .done {
                    #expect(!wasHit, "\(step.name) fails though nothing does any more")
                    check(scene, step, outcome, before: states[number], "\(kind) \(count), \(step.name)")
                    #expect(scene.run(step) == .done, "\(kind) \(count), \(step.name), once more")
                }
                if !wasHit {
                    let found = difference(scene.test.state(), states[number + 1])
                    #expect(found == nil, "\(kind) \(count), after \(step.name)")
                }
                wasHit = true
            }
            let end = difference(scene.test.state(), states[Scene.steps.count])
            #expect(end == nil, "\(kind) \(count), at the end")
            kind.fail(scene.test, after: -1)
            Self.finish(scene, "\(kind) \(count)")
            if !wasHit {
                #expect(hits > 0, "the scenario allocates everything")
                return
            }
            hits += 1
        }
        Issue.record("it never had enough")
    }

    /// What a step that was refused must have left.
    private func check(
        _ scene: Scene, _ step: Step, _ outcome: StepOutcome, before: [String], _ comment: Comment
    ) {
        if case .refused(let error) = outcome { #expect(step.errors.contains(error), comment) }
        for process in scene.test.machine.processes { process.checkInvariants() }
        switch step.leaves {
        case .nothing:
            let found = difference(scene.test.state(), before)
            #expect(found == nil, comment)
        case .part: return
        case .gap(let start, let end):
            if difference(scene.test.state(), before) == nil { return }
            for address in stride(from: start, to: end, by: Int(page)) {
                let area = scene.test.space.areas.find(address)
                #expect(area.isNone || scene.test.core.areas[area].start > address, comment)
            }
        }
    }
}
