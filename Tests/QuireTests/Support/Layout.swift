// The page-table formats that tests run over.

@testable import Quire

/// One format, as a configuration names it.
enum Layout: String, CaseIterable, CustomStringConvertible, Sendable {
    case x86FourLevels = "x86-64, 4 levels"
    case x86FiveLevels = "x86-64, 5 levels"
    case arm64 = "arm64, 4 KiB"

    var description: String { rawValue }
    var format: PageTableFormat {
        switch self {
        case .x86FourLevels: .x86(levels: 4)
        case .x86FiveLevels: .x86(levels: 5)
        case .arm64: .arm64
        }
    }

    /// Sets a configuration to the format.
    func apply(_ configuration: inout MachineConfiguration) {
        configuration.architecture = self == .arm64 ? .arm64 : .x86_64
        configuration.levels = self == .x86FiveLevels ? 5 : 4
    }
}
