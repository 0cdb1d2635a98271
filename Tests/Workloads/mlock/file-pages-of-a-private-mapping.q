# A writable private file mapping gets its own copies at once, a read-only one the cache's pages.
fd = memfd_create("m", 0)
ftruncate(fd, 32K)
a = mmap(0x100000000000, 32K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, fd, 0)
b = mmap(0x100000000000+1M, 32K, PROT_READ, MAP_PRIVATE|MAP_FIXED, fd, 0)
mlock(a, 32K)
mlock(b, 32K)
