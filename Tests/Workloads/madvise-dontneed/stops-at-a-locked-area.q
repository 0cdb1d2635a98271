# A locked area: EINVAL there, what is before it is gone, what is behind it stays.
a = mmap(0x100000000000, 192K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 192K)
mlock(a+64K, 64K)
madvise(a, 192K, MADV_DONTNEED)
snapshot("refused")
madvise(a, 192K, MADV_DONTNEED_LOCKED)
