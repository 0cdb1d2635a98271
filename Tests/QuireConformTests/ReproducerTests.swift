// The C program that a difference is written as: it has every call, and a compiler takes it.

import Foundation
import Testing

@testable import QuireConform

@Suite struct ReproducerTests {
    @Test func theReproducerCompiles() throws {
        var calls: Set<OperationCall> = []
        var workload: [QuireConform.Operation] = []
        for seed in 1...60 {
            for operation in Generator.operations(seed: seed, count: 300) where operation.process == 0 {
                if calls.insert(operation.call).inserted { workload.append(operation) }
            }
        }
        let compiler = ["/usr/bin/cc", "/usr/bin/gcc", "/usr/bin/clang"].first {
            FileManager.default.isExecutableFile(atPath: $0)
        }
        guard let compiler else { return print("the reproducer is not compiled: there is no C compiler") }
        let folder = FileManager.default.temporaryDirectory.appending(path: "quire-reproducer-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let source = folder.appending(path: "reproducer.c")
        try Data(Reproducer.program(workload, comment: "every call").utf8).write(to: source)
        let process = try Process.run(
            URL(filePath: compiler),
            arguments: ["-Wall", "-Werror", "-o", folder.appending(path: "reproducer").path, source.path])
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
    }
}
