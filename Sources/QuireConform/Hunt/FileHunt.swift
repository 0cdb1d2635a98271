// Workload files that somebody wrote or generated, on the model and on the live kernel. What differs is shrunk as
// operations where the file's lines are such, else line by line.

import QuireWorkload

/// A file on which the model and the live kernel differ.
public struct FileDifference: Sendable {
    public var lines: [String]
    public var kind: Difference.Kind
    /// In words.
    public var text: String
}

/// Plays files.
public struct FileHunt {
    private let live: LivePlay
    /// Why the last file was passed over, if it was: the model or the machine cannot do what it requires.
    public private(set) var skipped: String?
    public private(set) var fileCount = 0
    public private(set) var callCount = 0

    public init(live: @escaping LivePlay) { self.live = live }

    /// Plays a file on both sides; the first difference.
    public mutating func run(_ text: String) throws(HuntError) -> FileDifference? {
        skipped = nil
        let model = try model(text)
        let record: RunRecord
        do throws(LivePlayError) { record = try live(text) } catch { throw .live(error) }
        if let reason = model.skipped ?? record.skipped {
            skipped = reason
            return nil
        }
        fileCount += 1
        let comparison = RunComparison(model: model, live: record)
        callCount += comparison.calls
        return comparison.first.map { Self.difference($0, text) }
    }

    private func model(_ text: String) throws(HuntError) -> RunRecord {
        let record = RunRecord(workload: "workload")
        do throws(ReplayError) {
            _ = try Replay(ReplayOptions()).run(WorkloadReader(text: text), to: MemorySink(), record: record)
            return record
        } catch {
            throw .model(error)
        }
    }

    private static func lines(_ text: String) -> [String] {
        text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    private static func difference(_ found: RunDifference, _ text: String) -> FileDifference {
        let lines = Self.lines(text)
        return FileDifference(
            lines: Array(lines.prefix(found.line ?? lines.count)),
            kind: Difference.Kind(other: .live, call: found.call, field: found.field),
            text: "\(found.place): \(found.field): model \(found.model) | live \(found.live)")
    }

    // MARK: Shrinking

    /// A difference as one of operations; nil where the file has other lines or the difference does not show then.
    public func asOperations(_ found: FileDifference) -> Difference? {
        let text = found.lines.joined(separator: "\n")
        guard let record = try? model(text), let operations = operations(of: text, record) else { return nil }
        var hunt = Hunt()
        hunt.live = live
        return hunt.show(operations, found.kind) { $0 == found.kind }
    }

    /// The fewest lines that still show a difference of the kind.
    public func shrink(_ found: FileDifference) -> FileDifference {
        var best = found
        var shrinker = Shrinker()
        _ = shrinker.dropLines(found.lines) { lines in
            let text = lines.joined(separator: "\n")
            guard let model = try? model(text), let record = try? live(text), model.skipped == nil,
                record.skipped == nil
            else { return nil }
            let all = RunComparison(model: model, live: record).differences
            guard let same = all.first(where: { $0.call == found.kind.call && $0.field == found.kind.field }) else {
                return nil
            }
            best = Self.difference(same, text)
            return best.lines
        }
        return best
    }
}
