# One byte is a page; the start has to be a page's.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
madvise(a, 1, MADV_DONTNEED)
madvise(a+16K, 4097, MADV_DONTNEED)
madvise(a+1, 4K, MADV_DONTNEED)
