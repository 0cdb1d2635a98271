# A guard in the span: DONTNEED passes over it and the table stays.
a = mmap(0x100000000000, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 2M)
madvise(a+4K, 4K, MADV_GUARD_INSTALL)
madvise(a, 2M, MADV_DONTNEED)
