# Guards over untouched memory make tables; neither their removal nor DONTNEED frees these.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
madvise(a, 4M, MADV_GUARD_INSTALL)
snapshot("installed")
madvise(a, 2M, MADV_DONTNEED)
madvise(a, 4M, MADV_GUARD_REMOVE)
snapshot("removed")
madvise(a, 4M, MADV_DONTNEED)
