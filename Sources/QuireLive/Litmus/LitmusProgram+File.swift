// From a litmus test's file to a program: its lines in the order of the file, part by part.

import QuireWorkload

extension LitmusProgram {
    /// Compiles a file. Throws `.skipped` with file, line and reason for what live tests cannot do.
    init(_ file: LitmusFile) throws(LiveRunError) {
        var compiler = LitmusCompiler(file: file.file)
        for line in file.preparation { try compiler.add(line.text, line: line.number, to: .before) }
        let block = file.sequences.flatMap(\.lines).sorted { $0.number < $1.number }
        for line in block { try compiler.add(line.text, line: line.number, to: .block) }
        for line in file.epilogue { try compiler.add(line.text, line: line.number, to: .after) }
        self = compiler.program
        let wanted = file.observed + file.asked
        guard wanted.count <= Self.mostObserved else {
            throw .skipped("\(file.file): live: at most \(Self.mostObserved) names make an outcome")
        }
        for name in wanted { observed.append(compiler.operation(bound: file.names[text: name]) ?? 0) }
    }
}
