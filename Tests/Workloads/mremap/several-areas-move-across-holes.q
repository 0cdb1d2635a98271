# Same size, FIXED: all areas in the range move and keep their distances; holes stay holes.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mmap(a+96K, 32K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 5)
mremap(a, 128K, 128K, MREMAP_MAYMOVE|MREMAP_FIXED, a+1M)
load(a+1M+60K, 1)
