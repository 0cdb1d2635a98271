# More than one area in the old range and another size: EFAULT, nothing moves.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mmap(a+64K, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mremap(a, 128K, 192K, MREMAP_MAYMOVE)
mremap(a, 128K, 192K, MREMAP_MAYMOVE|MREMAP_FIXED, a+1M)
mremap(a, 128K, 256K, 0)
