# MADV_FREE: pages stay, with their contents, and count as LazyFree until they are written again.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 7)
madvise(a, 32K, MADV_FREE)
snapshot("lazy")
store(a, 1, 8)
load(a+4K, 1)
snapshot("one written")
madvise(a, 64K, MADV_DONTNEED)
