# The advice is looked at before the range; the range before what is mapped in it.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
madvise(a+1, 4K, 99)
madvise(0x100000000000+1M, 4K, 99)
madvise(a+1, 0xffffffffffffffff, 99)
madvise(0x100000000000+1M+1, 4K, MADV_DONTNEED)
madvise(0x100000000000+1M+1, 0, MADV_FREE)
madvise(a+1, 4K, MADV_POPULATE_WRITE)
madvise(a+1, 0, MADV_GUARD_INSTALL)
