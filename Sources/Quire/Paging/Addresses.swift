// Addresses and counts, each its own type: a unit never lives in a comment. The base page of every format here is
// 4 KiB; sizes of other granules are format data.

/// The base page: 4,096 bytes.
public enum Page {
    /// log2 of the page size.
    public static let shift: UInt64 = 12
    /// Bytes in a page.
    public static let size: UInt64 = 1 << shift
    /// The bits of an address inside its page.
    public static let offsetMask: UInt64 = size - 1

    /// Rounds down to a page.
    @inline(__always) static func floor(_ value: UInt64) -> UInt64 { value & ~offsetMask }
    /// Rounds up to a page; wraps at the top, as Linux's PAGE_ALIGN does.
    @inline(__always) static func ceiling(_ value: UInt64) -> UInt64 { (value &+ offsetMask) & ~offsetMask }
}

/// An address that a program uses.
public struct VirtualAddress: Hashable, Comparable, BitwiseCopyable, Sendable, CustomStringConvertible {
    /// The address.
    public var rawValue: UInt64
    /// Makes an address.
    @inline(__always) public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    public var description: String { "0x" + String(rawValue, radix: 16) }
}

/// The number of a frame of physical memory, a page each. 0 is never handed out and means none.
public struct FrameNumber: Hashable, Comparable, BitwiseCopyable, Sendable {
    /// The number: the physical address divided by 4,096.
    public var rawValue: UInt32
    /// Makes a frame number.
    @inline(__always) public init(_ rawValue: UInt32) { self.rawValue = rawValue }
    /// No frame.
    public static var none: FrameNumber { FrameNumber(0) }
    /// Whether there is no frame.
    @inline(__always) public var isNone: Bool { rawValue == 0 }
    public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
    /// The frame's physical address.
    @inline(__always) var address: UInt64 { UInt64(rawValue) << Page.shift }
}
