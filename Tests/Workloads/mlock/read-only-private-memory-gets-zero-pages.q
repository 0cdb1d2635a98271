# Nothing of its own is resident: Locked is 0 for zero pages.
a = mmap(0x100000000000, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a, 64K)
mincore(a, 16K)
