// Files, standard input and what is compressed: the first bytes tell, and a compressed stream goes through the system's
// own xz, gzip or zstd, which this process feeds and drains. Counterpart: `xz -dc < file |`.

import QuireHost

/// A file or standard input, unpacked on the way if it is compressed.
public final class FileSource: ByteSource {
    private let input: HostFile
    /// Read to detect compression, not yet given out.
    private var ahead: ContiguousArray<UInt8>
    private var aheadStart = 0
    private var aheadEnd = 0
    private var unpacking: Unpacking?

    /// The decompressor's pipes, and the stream it reads from.
    private struct Unpacking {
        let format: Compression
        let child: FilterProcess
        var fedAll = false
    }

    private static let chunk = 64 << 10

    /// Opens a file; `-` is standard input.
    public init(path: String) throws(InputError) {
        input = path == "-" ? .standardInput : try HostFile(path: path)
        ahead = ContiguousArray(repeating: 0, count: FileSource.chunk)
        // A pipe may give the magic in pieces.
        while aheadEnd < 6 {
            let count = try input.read(into: &ahead, at: aheadEnd, limit: ahead.count - aheadEnd)
            if count == 0 { break }
            aheadEnd += count
        }
        if let format = Compression.detect(ahead, count: aheadEnd) {
            guard let child = try FilterProcess(tool: format.tool) else {
                throw InputError(
                    "the file is compressed with \(format.tool), which is not installed: install the package "
                        + format.package)
            }
            unpacking = Unpacking(format: format, child: child)
        }
    }

    public func read(
        into buffer: inout ContiguousArray<UInt8>, at offset: Int, limit: Int
    ) throws(InputError) -> Int {
        if unpacking != nil { return try unpacked(into: &buffer, at: offset, limit: limit) }
        if aheadStart < aheadEnd {
            let count = min(limit, aheadEnd - aheadStart)
            for index in 0..<count { buffer[offset + index] = ahead[aheadStart + index] }
            aheadStart += count
            return count
        }
        return try input.read(into: &buffer, at: offset, limit: limit)
    }

    /// Feeds the child whenever it takes something, until it gives something.
    private func unpacked(
        into buffer: inout ContiguousArray<UInt8>, at offset: Int, limit: Int
    ) throws(InputError) -> Int {
        while let state = unpacking {
            let ready = try state.child.wait(toFeed: !state.fedAll)
            if ready.canRead {
                let count = try state.child.output.read(into: &buffer, at: offset, limit: limit)
                if count == 0 { try finish(state) }
                return count
            }
            if ready.canFeed { try feed(state) }
        }
        return 0
    }

    private func feed(_ state: Unpacking) throws(InputError) {
        if aheadStart == aheadEnd {
            aheadStart = 0
            aheadEnd = try input.read(into: &ahead, at: 0, limit: ahead.count)
        }
        if aheadEnd > 0, let taken = state.child.feed(ahead, aheadStart..<aheadEnd) {
            aheadStart += taken
        } else {
            // The end of the input, or the child takes no more: its exit status tells which.
            state.child.closeInput()
            unpacking?.fedAll = true
        }
    }

    /// The tool ends with 0 only if the data was whole.
    private func finish(_ state: Unpacking) throws(InputError) {
        let status = state.child.exitStatus()
        if status != 0 {
            throw InputError("\(state.format.tool) could not unpack the file: it is truncated or damaged")
        }
        // What follows the end is end.
        unpacking = nil
        aheadStart = 0
        aheadEnd = 0
        while try input.read(into: &ahead, at: 0, limit: ahead.count) > 0 {}
    }
}
