# Old and new length equal: the address back, whether or not it may move.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mremap(a, 64K, 64K, 0)
mremap(a+16K, 16K, 16K, MREMAP_MAYMOVE)
mremap(a+16K, 4097, 8192, 0)
