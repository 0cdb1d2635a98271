# A move of a whole, aligned 1 GiB hangs the PMD table over, though it is empty.
mmap(0x100000000000, 2G, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_read(0x100000000000, 2M)
madvise(0x100000000000, 2M, MADV_DONTNEED)
snapshot("before")
mremap(0x100000000000, 1G, 1G, MREMAP_MAYMOVE|MREMAP_FIXED, 0x1f0000000000)
