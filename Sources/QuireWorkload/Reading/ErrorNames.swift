// The C names of error numbers, for outcomes that come from a real kernel: it may give any of them.

import Quire

/// Names of errors.
public enum ErrorNames {
    private static let table: [Int32: String] = {
        var table: [Int32: String] = [:]
        for item in Constants.errors.split(whereSeparator: { $0 == " " || $0 == "\n" }) {
            let parts = item.split(separator: "=")
            if let number = Int32(parts[1]), table[number] == nil { table[number] = String(parts[0]) }
        }
        return table
    }()

    /// The C name of an error; of several the one that the model uses.
    public static func name(of number: Int32) -> String {
        Errno(rawValue: number)?.name ?? table[number] ?? "errno \(number)"
    }
}
