// The races of faults under their area's lock: a fault and somebody who changes the area, or the one beside it, with and without
// what keeps them apart (docs/vma-locks.md)., and the rows S3-09 to S3-12.

import Quire
import QuireHost

extension MachineScene {
    /// Two private areas of 4 pages beside each other, of which the upper one cannot be written. The lower one's first page
    /// has been written; or only the upper one's.
    static func neighbours(without omissions: Omissions, written: Neighbour = .lower) throws -> MachineScene {
        try MachineScene(cpus: 2, host: .linux, without: omissions) { task in
            let (bytes, upper) = (4 * Page.size, sceneStart + 4 * Page.size)
            try task.mmap(
                sceneStart, length: 2 * bytes, protection: [.read, .write], flags: [.private, .anonymous, .fixed])
            if written == .upper { try task.mprotect(sceneStart, bytes, []) }
            task.touchWrite(written == .upper ? upper : sceneStart, Page.size)
            try task.mprotect(upper, bytes, .read)
            if written == .upper { try task.mprotect(sceneStart, bytes, [.read, .write]) }
        }
    }

    enum Neighbour { case lower, upper }

    /// A shared mapping of a memory file of one page, which is in the page cache.
    static func sharedFile(without omissions: Omissions) throws -> MachineScene {
        try MachineScene(cpus: 2, host: .linux, without: omissions) { task in
            let file = try task.memfdCreate("scene")
            _ = try task.write(file, [1], at: 0)
            try task.ftruncate(file, Page.size)
            try task.mmap(
                sceneStart, length: Page.size, protection: [.read, .write], flags: [.shared, .fixed], fd: file)
        }
    }

    /// A CPU that unmaps the lower area.
    fileprivate func unmaps(_ number: Int) {
        cpu(number, "munmap(\(hexadecimal(sceneStart)), 16K)") { task in
            try? task.munmap(sceneStart, 4 * Page.size)
        }
    }

    /// A CPU that takes all rights from the lower area, which merges with nothing then.
    fileprivate func protects(_ number: Int) {
        cpu(number, "mprotect(\(hexadecimal(sceneStart)), 16K, PROT_NONE)") { task in
            try? task.mprotect(sceneStart, 4 * Page.size, [])
        }
    }

    /// A CPU that takes the file's page out.
    fileprivate func punches(_ number: Int) {
        cpu(number, "fallocate(3, FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE, 0, 4K)") { task in
            try? task.fallocate(3, 3, 0, Page.size)
        }
    }
}

extension Scenario {
    /// A store to the lower area, while somebody changes areas.
    private static func fault(
        _ name: String, _ title: String, rows: [String], before: Safeguard?,
        written: MachineScene.Neighbour = .lower, at offset: UInt64 = Page.size,
        _ change: @escaping @Sendable (MachineScene) -> Void
    ) -> Scenario {
        Scenario(
            name, title, rows: rows, before: before.map { Omissions(safeguards: [$0]) },
            outcome: { process in
                let status = process.status()
                return "VmSize \(status.size) RssAnon \(status.anonymous) areas \(process.areaReports().count)"
            }
        ) { omissions in
            let scene = try MachineScene.neighbours(without: omissions, written: written)
            scene.stores(0, at: sceneStart + offset)
            change(scene)
            return scene
        }
    }

    /// A store to a shared mapping of a page that is taken out of its file.
    private static func punched(_ name: String, _ title: String, rows: [String], before: Safeguard) -> Scenario {
        Scenario(
            name, title, rows: rows, before: Omissions(safeguards: [before]),
            outcome: { "RssShmem \($0.status().shared)" }
        ) { omissions in
            let scene = try MachineScene.sharedFile(without: omissions)
            scene.stores(0, at: sceneStart)
            scene.punches(1)
            return scene
        }
    }

    static let areaLocks: [Scenario] = [
        fault(
            "R-27", "an anon_vma is shared with a neighbour that is going", rows: ["S3-10"], before: .retryForAnonVMA,
            written: .upper
        ) { scene in
            scene.cpu(1, "munmap(\(hexadecimal(sceneStart + 4 * Page.size)), 16K)") { task in
                try? task.munmap(sceneStart + 4 * Page.size, 4 * Page.size)
            }
        },
        punched(
            "R-28", "a fault that must sleep gives up a lock that it does not hold", rows: ["S3-09"],
            before: .dropOfLockHeld),
        punched(
            "vma-lock-page", "a fault maps a page that is leaving the page cache", rows: ["S3-11"],
            before: .secondLookAtPage),
        fault(
            "vma-lock-mark", "munmap does not mark the area that it empties", rows: ["S3-12"], before: .markByWriter
        ) { $0.unmaps(1) },
        fault(
            "vma-lock-look", "a fault does not look whether munmap has marked its area", rows: ["S3-12"],
            before: .lookAtMark
        ) { $0.unmaps(1) },
        fault(
            "vma-lock-wait", "mprotect does not wait for the fault in its area", rows: ["S3-12"], before: .waitForFaults
        ) { $0.protects(1) },
        fault(
            "vma-lock-closed", "a fault locks the record of an area that is gone", rows: ["S3-12"],
            before: .closeDetached
        ) { $0.unmaps(1) },
        fault(
            "vma-lock-area", "a fault does not look whether its area still reaches to the address", rows: ["S3-12"],
            before: .secondLookAtArea, at: 3 * Page.size
        ) { scene in
            scene.cpu(1, "munmap(\(hexadecimal(sceneStart + 2 * Page.size)), 8K)") { task in
                try? task.munmap(sceneStart + 2 * Page.size, 2 * Page.size)
            }
        },
        fault("vma-lock-move", "mremap moves the area of a fault", rows: ["S3-12"], before: .markByWriter) { scene in
            scene.cpu(1, "mremap(\(hexadecimal(sceneStart)), 16K, 16K, MREMAP_MAYMOVE|MREMAP_FIXED, +2M)") { task in
                _ = try? task.mremap(
                    sceneStart, 4 * Page.size, 4 * Page.size, [.mayMove, .fixed], sceneStart + sceneSpan)
            }
        },
        fault("vma-lock-split", "mprotect splits the area of a fault", rows: ["S3-12"], before: .waitForFaults) {
            scene in
            scene.cpu(1, "mprotect(\(hexadecimal(sceneStart + Page.size)), 4K, PROT_NONE)") { task in
                try? task.mprotect(sceneStart + Page.size, Page.size, [])
            }
        },
        fault("vma-lock-merge", "the area of a fault merges with its neighbour", rows: ["S3-12"], before: nil) {
            scene in
            scene.cpu(1, "mprotect(\(hexadecimal(sceneStart + 4 * Page.size)), 16K, PROT_READ|PROT_WRITE)") { task in
                try? task.mprotect(sceneStart + 4 * Page.size, 4 * Page.size, [.read, .write])
            }
        },
    ]
}
