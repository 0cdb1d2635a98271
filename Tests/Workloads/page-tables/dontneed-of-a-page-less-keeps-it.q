# 2 MiB less the first or the last page: the table stays; the missing page later does not free it either.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 4M)
madvise(a, 2M-4K, MADV_DONTNEED)
madvise(a+2M+4K, 2M-4K, MADV_DONTNEED)
snapshot("one page each")
madvise(a+2M-4K, 4K, MADV_DONTNEED)
madvise(a+2M, 4K, MADV_DONTNEED)
