# One range may reach beyond the address space; of several, none may.
mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
process_madvise(PIDFD_SELF, [{iov_base=0x100000000000, iov_len=0x800000000000}], 1, MADV_COLD, 0)
process_madvise(PIDFD_SELF, [{iov_base=0x100000000000, iov_len=4K}, {iov_base=0x100000000000, iov_len=0x800000000000}], 2, MADV_COLD, 0)
