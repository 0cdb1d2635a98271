// What the memory manager's operations cost. Every number is for the public calls, with all counters, area look-ups,
// locks and metadata that they have. docs/benchmarks.md says how to run this and what the names mean.

import Benchmark
import Quire

let benchmarks: @Sendable () -> Void = {
    touchAndDontNeed("contents off, sequential", .off, .sequential)
    touchAndDontNeed("contents off, parallel", .off, .parallel)
    touchAndDontNeed("contents eager, sequential", .eager, .sequential)
    fork()
    for policy in ["whole", "exact"] { for pages in [1, 512, 65_536] as [UInt64] { unaccount(policy, pages: pages) } }
    for order in 2...9 {
        for policy in ["owner", "scan"] { reuse(order: order, policy: policy) }
    }
    for areas in [1_000, 60_000] {
        mapAndUnmap(areas: areas)
        splitAndMerge(areas: areas)
        find(areas: areas)
    }
}

/// One operation: a page is faulted in by a write and given back. 2 MiB at a time, as allocators do.
private func touchAndDontNeed(_ variant: String, _ contents: Contents, _ mode: RunMode) {
    let span: UInt64 = 2 << 20
    let rounds = 50
    measure("touch + MADV_DONTNEED of a page, \(variant)", operations: rounds * 512) {
        let fixture = try Fixture(contents: contents, mode: mode)
        try fixture.map(at: Fixture.free, pages: UInt64(rounds) * 512)
        return fixture
    } body: { fixture, watch in
        let task = fixture.task
        try watch.time {
            for round in 0..<rounds {
                let start = Fixture.free + UInt64(round) * span
                guard task.touchWrite(start, span) == .done else { throw Errno.EFAULT }
                try task.madvise(start, span, Advice.dontNeed.rawValue)
            }
        }
    }
}

/// One operation: mmap of a page at a free address of the kernel's choice, and munmap.
private func mapAndUnmap(areas: Int) {
    let pairs = 1_000
    measure("mmap + munmap among \(areas) areas", operations: pairs) {
        try Fixture(areas: areas)
    } body: { fixture, watch in
        let task = fixture.task
        try watch.time {
            for _ in 0..<pairs {
                let start = try task.mmap(
                    length: Page.size, protection: [.read, .write], flags: [.private, .anonymous])
                try task.munmap(start, Page.size)
            }
        }
    }
}

/// One operation: mprotect makes three areas of one, and another mprotect makes one of three.
private func splitAndMerge(areas: Int) {
    let pairs = 1_000
    measure("mprotect, split + merge, among \(areas) areas", operations: pairs) {
        let fixture = try Fixture(areas: areas)
        try fixture.map(at: Fixture.free, pages: 3)
        return fixture
    } body: { fixture, watch in
        let task = fixture.task
        try watch.time {
            for _ in 0..<pairs {
                try task.mprotect(Fixture.free + Page.size, Page.size, .read)
                try task.mprotect(Fixture.free + Page.size, Page.size, [.read, .write])
            }
        }
    }
}

/// One operation: a written area becomes read-only and writable again. `exact` counts its pages both times.
private func unaccount(_ policy: String, pages: UInt64) {
    let pairs = pages > 1000 ? 10 : 1_000
    measure("mprotect of \(pages) written pages and back, unaccount=\(policy)", operations: pairs) {
        let fixture = try Fixture()
        try fixture.machine.set("unaccount", policy)
        try fixture.map(at: Fixture.free, pages: 2 * pages)
        guard fixture.task.touchWrite(Fixture.free, pages * Page.size) == .done else { throw Errno.EFAULT }
        return fixture
    } body: { fixture, watch in
        let task = fixture.task
        try watch.time {
            for _ in 0..<pairs {
                try task.mprotect(Fixture.free, 2 * pages * Page.size, .read)
                try task.mprotect(Fixture.free, 2 * pages * Page.size, [.read, .write])
            }
        }
    }
}

/// One operation: a fault that finds its area, in random order, and ends there: a write to an area that may be read.
private func find(areas: Int) {
    measure("fault up to the area among \(areas)", operations: areas) {
        var random = SeededRandom(state: 1)
        let order = (0..<areas).shuffled(using: &random).map { Fixture.address(ofArea: $0) }
        return (fixture: try Fixture(areas: areas), order: order)
    } body: { state, watch in
        let task = state.fixture.task
        try watch.time {
            for address in state.order {
                guard case .signal(.accessError, _) = task.access(address, .write) else { throw Errno.EINVAL }
            }
        }
    }
}

/// One operation: one page of a fork's copy. The child's end is not measured.
private func fork() {
    let pages: UInt64 = (256 << 20) / Page.size
    measure("fork, each page of 256 MiB", operations: Int(pages)) {
        let fixture = try Fixture()
        try fixture.map(at: Fixture.free, pages: pages)
        guard fixture.task.touchWrite(Fixture.free, pages * Page.size) == .done else { throw Errno.EFAULT }
        return fixture
    } body: { fixture, watch in
        let child = try watch.time { try fixture.task.fork(pid: 2) }
        child.main.exit()
    }
}

/// One operation: the write to a page of a large folio that a child had and has no more. Each page faults and asks anew
/// whether the folio is this process's alone: by its owners, or by the entries around the page.
private func reuse(order: Int, policy: String) {
    let bytes: UInt64 = 16 << 20
    let folder = "/sys/kernel/mm/transparent_hugepage/"
    measure("write after fork and exit, folios of \(1 << order) pages, \(policy)", operations: Int(bytes / Page.size)) {
        let fixture = try Fixture()
        for other in 2...9 {
            let value = other == order ? "always" : "never"
            try fixture.machine.set(folder + "hugepages-\(4 << other)kB/enabled", value)
        }
        try fixture.machine.set("cow.reuse", policy)
        try fixture.map(at: Fixture.free, pages: bytes / Page.size)
        guard fixture.task.touchWrite(Fixture.free, bytes) == .done else { throw Errno.EFAULT }
        // Where a PMD entry maps the folio, take it apart: this is about entries of pages.
        if order == 9 {
            for start in stride(from: Fixture.free, to: Fixture.free + bytes, by: 2 << 20) {
                try fixture.task.mprotect(start, Page.size, .read)
                try fixture.task.mprotect(start, Page.size, [.read, .write])
            }
        }
        return fixture
    } body: { fixture, watch in
        try fixture.task.fork(pid: 2).main.exit()
        try watch.time {
            guard fixture.task.touchWrite(Fixture.free, bytes) == .done else { throw Errno.EFAULT }
        }
    }
}
