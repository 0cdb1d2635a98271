# With DONTUNMAP alone the fifth argument is a hint; a taken hint is not used.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
b = mremap(a, 64K, 64K, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, a+1M)
c = mremap(b, 64K, 64K, MREMAP_MAYMOVE|MREMAP_DONTUNMAP, a)
