# A locked read-only private area has zero pages; with the right to write it gets pages of its own at once.
a = mmap(0x100000000000, 32K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a, 32K)
snapshot("read-only")
mprotect(a, 16K, PROT_READ|PROT_WRITE)
snapshot("writable")
mlock2(a+16K, 16K, MLOCK_ONFAULT)
mprotect(a+16K, 16K, PROT_READ|PROT_WRITE)
