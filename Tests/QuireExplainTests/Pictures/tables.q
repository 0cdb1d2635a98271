# A table that empties goes with the call that empties it, and only then.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a+1M, 2M)
madvise(a, 2M, MADV_DONTNEED)
madvise(a+2M, 1M, MADV_DONTNEED)
munmap(a, 4M)
