// Page maps as a report shows them: the words of /proc/PID/pagemap without the frames' numbers, which two machines never
// have in common. Whoever reads a page map into memory gets them.

/// The words of a page map.
public enum Pagemap {
    /// The bits of a word that hold a frame's number or a place in swap.
    public static let frameBits: UInt64 = 1 << 55 - 1

    /// The bytes of whole words with the frames' numbers cleared.
    public static func withoutFrames(_ bytes: [UInt8]) -> [UInt8] {
        bytes.enumerated().map { place, byte in
            byte & ~UInt8(truncatingIfNeeded: frameBits >> (8 * UInt64(place & 7)))
        }
    }
}
