# A vector of two ranges on the caller: the bytes advised; advice that destroys is allowed on oneself alone.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
process_madvise(PIDFD_SELF, [{iov_base=a, iov_len=16K}, {iov_base=a+32K, iov_len=16K}], 2, MADV_DONTNEED, 0)
process_madvise(PIDFD_SELF, [{iov_base=a, iov_len=16K}, {iov_base=a+32K, iov_len=16K}], 2, MADV_COLD, 0)
