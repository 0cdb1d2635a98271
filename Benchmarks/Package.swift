// swift-tools-version: 6.2
import PackageDescription

/// The settings of Quire's own targets.
let settings: [SwiftSetting] = [.swiftLanguageMode(.v6), .strictMemorySafety()]

let benchmark: Target.Dependency = .product(name: "Benchmark", package: "benchmark")
let plugins: [Target.PluginUsage] = [.plugin(name: "BenchmarkPlugin", package: "benchmark")]

let package = Package(
    name: "quire-benchmarks",
    dependencies: [
        .package(name: "quire", path: ".."),
        // Without traits: counting allocations would put itself under everything that is timed.
        .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
        .package(
            url: "https://github.com/apple/swift-collections", from: "1.6.0", traits: ["UnstableSortedCollections"]),
    ],
    targets: [
        // What the memory manager's operations cost, through the public interface.
        .executableTarget(
            name: "MemoryManager",
            dependencies: [
                benchmark, .product(name: "Quire", package: "quire"), .product(name: "QuireHost", package: "quire"),
            ],
            path: "MemoryManager", swiftSettings: settings, plugins: plugins),
        // The area tree against other ordered collections. `Areas/Core` is a link to the core's sources: the tree is
        // internal, and is to be measured as the core compiles it, inside one module.
        .executableTarget(
            name: "Areas",
            dependencies: [benchmark, .product(name: "SortedCollections", package: "swift-collections")],
            path: "Areas", swiftSettings: settings, plugins: plugins),
    ]
)
