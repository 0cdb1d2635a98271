// Mutations of the locks that let their waiters sleep, explored in their words: whoever sleeps must be woken. Tests of the locks
// by themselves are in SleepingLockTests.

import Quire

extension Mutation {
    static let ofLocks: [Mutation] = [
        sleeping(.markOfSleeper, title: "nobody knows that somebody sleeps for the mmap lock"),
        sleeping(.lookBeforeSleeping, title: "the mmap lock is given up while somebody is going to sleep for it"),
        sleeping(.wakeOfSleepers, title: "who gives the mmap lock up wakes nobody"),
    ]

    /// Two threads change rights of their own areas: both take the mmap lock for write.
    private static func sleeping(_ safeguard: Safeguard, title: String) -> Mutation {
        Mutation(safeguard, title: title) {
            let scene = try MachineScene.pages(4, cpus: 2, without: $0.opening(.mmapLock))
            for number in 0..<2 as Range<UInt64> {
                let page = sceneStart + 2 * number * Page.size
                scene.cpu(Int(number), "mprotect(page \(2 * number), PROT_READ)") { task in
                    try? task.mprotect(page, Page.size, .read)
                }
            }
            return scene
        }
    }
}
