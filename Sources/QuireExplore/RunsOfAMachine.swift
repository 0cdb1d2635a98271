// Whether a machine was ever left in the middle of a run: what was on the strands' stacks then refers to it for ever, and who
// owns the scene must give its memory back. Neighbours: MachineScene.swift, LitmusScene.swift.

import Quire

/// The runs of one explored machine, as its scene sees them.
struct RunsOfAMachine {
    private var isUnderWay = false
    private var wasLeft = false

    mutating func begin() {
        wasLeft = wasLeft || isUnderWay
        isUnderWay = true
    }

    mutating func completed() { isUnderWay = false }

    /// Ends the machine with its scene, where stacks that were left would keep it.
    func end(_ machine: Machine) { if wasLeft || isUnderWay { machine.abandon() } }
}
