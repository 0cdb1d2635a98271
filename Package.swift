// swift-tools-version: 6.2
import PackageDescription

/// Every target of Quire: Swift 6 language mode, and each use of an unsafe construct is marked in the source.
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .strictMemorySafety()]

let package = Package(
    name: "quire",
    products: [
        .library(name: "Quire", targets: ["Quire"]),
        .library(name: "QuireHost", targets: ["QuireHost"]),
        .library(name: "QuireWorkload", targets: ["QuireWorkload"]),
        .library(name: "QuireExplore", targets: ["QuireExplore"]),
        .executable(name: "quire", targets: ["quire"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2"),
        .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    ],
    targets: [
        // The core: no Foundation, no Glibc, no global state. Folders are layers; Scripts/check-layers proves the arrows.
        .target(name: "Quire", swiftSettings: settings),
        // What a machine asks of the system it runs on: memory, parking of threads.
        .target(name: "CQuireHost"),
        .target(name: "QuireHost", dependencies: ["Quire", "CQuireHost"], swiftSettings: settings),
        // Workload files: reading, replaying, reporting.
        .target(name: "QuireWorkload", dependencies: ["Quire", "QuireHost"], swiftSettings: settings),
        // The hunter for differences: a trivially correct reference model, random workloads, shrinking.
        .target(
            name: "QuireConform", dependencies: ["Quire", "QuireHost", "QuireWorkload"], swiftSettings: settings),
        // A workload explained line by line: the address space drawn before and after.
        .target(name: "QuireExplain", dependencies: ["Quire", "QuireHost", "QuireWorkload"], swiftSettings: settings),
        // The live kernel: /proc of running processes, the same operations and workloads on the host's Linux. What a
        // workload's process does after its fork, without a library, is C.
        .target(name: "CQuireLive"),
        .target(
            name: "QuireLive",
            dependencies: [
                "CQuireLive", "QuireWorkload", .product(name: "SystemPackage", package: "swift-system"),
            ],
            swiftSettings: settings),
        // The explorer: the core under a controlled scheduler. Switching stacks is a few lines of assembly.
        .target(name: "CQuireSwitch"),
        .target(
            name: "QuireExplore", dependencies: ["Quire", "QuireHost", "QuireWorkload", "CQuireSwitch"],
            swiftSettings: settings),
        // Recording of real programs with strace and perf.
        .target(
            name: "QuireRecord",
            dependencies: ["QuireLive", .product(name: "Subprocess", package: "swift-subprocess")],
            swiftSettings: settings),
        .executableTarget(
            name: "quire",
            dependencies: [
                "Quire", "QuireHost", "QuireWorkload", "QuireConform", "QuireExplain", "QuireExplore", "QuireLive",
                "QuireRecord",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "SystemPackage", package: "swift-system"),
            ],
            path: "Sources/quire-cli", swiftSettings: settings),
        // A walk of raw page tables written from the manuals: for tests, and without dependencies, so that it can know
        // nothing of the core.
        .target(name: "HardwareWalker", path: "Tests/HardwareWalker", swiftSettings: settings),
        .testTarget(
            name: "QuireTests", dependencies: ["Quire", "QuireHost", "HardwareWalker"], swiftSettings: settings),
        // The workload files that several test targets play.
        .target(name: "WorkloadSuite", path: "Tests/WorkloadSuite", swiftSettings: settings),
        .testTarget(
            name: "QuireWorkloadTests", dependencies: ["QuireWorkload", "WorkloadSuite", "HardwareWalker"],
            swiftSettings: settings),
        .testTarget(name: "QuireExploreTests", dependencies: ["QuireExplore"], swiftSettings: settings),
        .testTarget(name: "QuireConformTests", dependencies: ["QuireConform"], swiftSettings: settings),
        .testTarget(
            name: "QuireExplainTests", dependencies: ["QuireExplain", "WorkloadSuite"], exclude: ["Pictures"],
            swiftSettings: settings),
        .testTarget(
            name: "QuireLiveTests",
            dependencies: ["QuireLive", "QuireWorkload", "QuireConform", "WorkloadSuite", "quire"],
            swiftSettings: settings),
        // The tool itself, run at a tiny size.
        .testTarget(name: "QuireCommandTests", dependencies: ["quire"], swiftSettings: settings),
        .testTarget(name: "QuireRecordTests", dependencies: ["QuireRecord"], swiftSettings: settings),
    ]
)

// The core and its tests on real threads alone, for Scripts/stress-threads.
if Context.environment["QUIRE_THREADS_ALONE"] != nil {
    let kept: Set = ["Quire", "CQuireHost", "QuireHost", "HardwareWalker", "QuireTests"]
    package.targets.removeAll { !kept.contains($0.name) }
    package.products.removeAll()
    package.dependencies.removeAll()
    package.targets.first { $0.name == "QuireTests" }?.exclude = [
        "Areas", "Calls", "Contiguous", "Faults", "Folios", "Hardware", "Paging", "Pins", "Random", "Reclaim",
        "SizeTests.swift",
    ]
}
