// A schedule made smaller: the same outcome with as few preemptions as there can be. All schedules with none, then
// with one, two and three are tried; where that takes too long, single preemptions are taken out of the schedule that is there.

extension Explorer {
    /// A schedule that leads to the same outcome with the fewest preemptions: proven fewest where `isLeast`.
    /// Runs the scene at most about `budget` times.
    public func minimise(
        _ scene: Scene, _ outcome: String, from found: Exploration.Found, budget: Int = 40_000
    ) -> (schedule: Schedule, preemptions: Int, isLeast: Bool) {
        var best = (schedule: found.schedule, preemptions: found.preemptions, isLeast: false)
        var left = budget
        for most in 0..<max(best.preemptions, 1) {
            let chooser = ExhaustiveChooser(preemptions: most, prefix: [])
            let scheduler = Scheduler(chooser, scene, keepsTrace: true, hasStoreBuffers: hasStoreBuffers)
            defer { scene.reset(nil) }
            repeat {
                left -= 1
                if run(scene, scheduler).text == outcome {
                    return (chooser.schedule, scheduler.preemptions, true)
                }
            } while left > 0 && chooser.advance()
            if left <= 0 { break }
        }
        if left > 0 {
            best.isLeast = true
            return best
        }
        var isSmaller = true
        while isSmaller {
            isSmaller = false
            for place in best.schedule.choices.indices {
                var shorter = best.schedule
                shorter.choices.removeSubrange(place...)
                // What follows goes its own way: whoever runs goes on.
                let chooser = ReplayChooser(shorter)
                let scheduler = Scheduler(chooser, scene, hasStoreBuffers: hasStoreBuffers)
                defer { scene.reset(nil) }
                if run(scene, scheduler).text == outcome, scheduler.preemptions < best.preemptions {
                    best = (chooser.schedule, scheduler.preemptions, false)
                    isSmaller = true
                    break
                }
            }
        }
        return best
    }
}
