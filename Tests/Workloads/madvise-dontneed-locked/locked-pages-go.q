# DONTNEED_LOCKED drops locked pages; the area stays locked and the next touch brings a page that counts as Locked.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a, 64K)
madvise(a, 32K, MADV_DONTNEED_LOCKED)
snapshot("dropped")
touch_write(a, 4K)
