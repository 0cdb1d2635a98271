// Reading and writing memory from outside beside the live kernel's process_vm_readv and process_vm_writev: how many bytes of
// ranges that begin or end in what is not there, or not allowed.

import Glibc
import Quire
import QuireHost
import Testing

/// process_vm_readv's type; the C library's module does not show it.
private typealias Transfer =
    @convention(c) (pid_t, UnsafePointer<iovec>, UInt, UnsafePointer<iovec>, UInt, UInt) -> Int

@Suite struct RemoteAccessTests {
    /// Eight pages: written but for page 4, which is none; page 1 may be read only, page 2 not at all.
    @Test(arguments: [false, true]) func asManyBytesAsTheLiveKernel(_ writes: Bool) throws {
        let page: UInt64 = 4096
        let machine = try Machine(MachineConfiguration(), host: .linux)
        let task = try machine.makeProcess(pid: 1).main
        let start = try task.mmap(
            length: 8 * page, protection: [.read, .write], flags: [.private, .anonymous])
        for place in 0..<8 as Range<UInt64> { _ = task.storeByte(start + place * page, UInt8(place + 1)) }
        try task.mprotect(start + page, page, .read)
        try task.mprotect(start + 2 * page, page, [])
        try task.munmap(start + 4 * page, page)

        let live = unsafe try #require(
            mmap(nil, Int(8 * page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))
        defer { unsafe munmap(live, Int(8 * page)) }
        for place in 0..<8 { unsafe live.storeBytes(of: UInt8(place + 1), toByteOffset: place * 4096, as: UInt8.self) }
        #expect(unsafe mprotect(live + 4096, 4096, PROT_READ) == 0)
        #expect(unsafe mprotect(live + 8192, 4096, PROT_NONE) == 0)
        #expect(unsafe munmap(live + 4 * 4096, 4096) == 0)

        let symbol = unsafe try #require(dlsym(nil, writes ? "process_vm_writev" : "process_vm_readv"))
        let transfer = unsafe unsafeBitCast(symbol, to: Transfer.self)
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 10000, alignment: 8)
        defer { unsafe buffer.deallocate() }
        unsafe buffer.initializeMemory(as: UInt8.self, repeating: 7)
        for place in 0..<6 {
            for count in [100, 2500, 5000, 7500] {
                let offset = place * 4096 + 2000
                var local = unsafe iovec(iov_base: buffer.baseAddress, iov_len: count)
                var remote = unsafe iovec(iov_base: live + offset, iov_len: count)
                let answer = unsafe transfer(getpid(), &local, 1, &remote, 1, 0)
                let at = start + UInt64(offset)
                let done =
                    writes
                    ? task.writeMemory(of: task.process, at, [UInt8](repeating: 7, count: count), force: false)
                    : task.readMemory(of: task.process, at, UInt64(count), force: false).count
                // Nothing at all is EFAULT.
                #expect(done == max(0, answer), "page \(place), \(count) bytes")
            }
        }
    }
}
