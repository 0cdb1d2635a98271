# Where the source has a PMD table, the target gets the table above its own, even if nothing is there to be moved.
mmap(0x100000000000, 8M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(0x100000000000, 4K)
snapshot("before")
mremap(0x100000400000, 4K, 4K, MREMAP_MAYMOVE|MREMAP_FIXED, 0x1f0000000000)
snapshot("below another PMD table")
mremap(0x100000401000, 4K, 4K, MREMAP_MAYMOVE|MREMAP_FIXED, 0x1f0000001000)
