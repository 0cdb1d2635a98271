# DONTNEED_LOCKED frees tables too, and mlock brings them back.
a = mmap(0x100000000000, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a, 2M)
madvise(a, 2M, MADV_DONTNEED_LOCKED)
snapshot("gone")
munlock(a, 2M)
mlock(a, 2M)
