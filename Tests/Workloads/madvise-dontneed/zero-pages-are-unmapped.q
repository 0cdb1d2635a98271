# Zero pages go as well, and the table with them if the range covers all of its 2 MiB.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_read(a, 4M)
madvise(a, 2M, MADV_DONTNEED)
snapshot("first")
madvise(a+2M, 2M-4K, MADV_DONTNEED)
mincore(a+2M, 8K)
