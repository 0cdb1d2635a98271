// Mappings of this very process at addresses of the caller's choice, for measuring what the live kernel takes for calls
// that change areas. Part of the unsafe floor: nothing here is ever touched, and `map(at:)` replaces what lies there, so
// the caller keeps to a range that nothing else uses.

import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Private anonymous mappings by address.
enum LiveAreaCalls {
    static let read = CInt(PROT_READ), write = CInt(PROT_WRITE)

    /// Maps where the kernel chooses.
    @inline(__always)
    static func map(length: UInt64, _ protection: CInt) throws(Errno) -> UInt64 {
        try map(0, length, protection, MAP_PRIVATE | MAP_ANONYMOUS)
    }

    /// Maps at an address, in place of what is there.
    @inline(__always)
    static func map(at address: UInt64, length: UInt64, _ protection: CInt) throws(Errno) {
        _ = try map(address, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED)
    }

    @inline(__always)
    private static func map(
        _ address: UInt64, _ length: UInt64, _ protection: CInt, _ flags: CInt
    ) throws(Errno) -> UInt64 {
        let made = unsafe mmap(
            UnsafeMutableRawPointer(bitPattern: UInt(address)), Int(length), protection, flags, -1, 0)
        guard unsafe made != MAP_FAILED else { throw Errno(rawValue: errno) }
        return UInt64(UInt(bitPattern: made))
    }

    @inline(__always)
    static func protect(_ address: UInt64, length: UInt64, _ protection: CInt) throws(Errno) {
        let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address))
        guard unsafe mprotect(start, Int(length), protection) == 0 else { throw Errno(rawValue: errno) }
    }

    @inline(__always)
    static func unmap(_ address: UInt64, length: UInt64) throws(Errno) {
        let start = unsafe UnsafeMutableRawPointer(bitPattern: UInt(address))
        guard unsafe munmap(start, Int(length)) == 0 else { throw Errno(rawValue: errno) }
    }
}
