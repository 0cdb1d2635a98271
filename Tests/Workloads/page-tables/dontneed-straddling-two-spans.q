# 2 MiB from the middle of one span to the middle of the next: neither table goes, though half of each is empty.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 4M)
madvise(a+1M, 2M, MADV_DONTNEED)
snapshot("straddle")
madvise(a, 4M, MADV_DONTNEED)
