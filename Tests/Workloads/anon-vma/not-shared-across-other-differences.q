# The neighbours differ in an advice flag when they are first written: each gets its own anon_vma, and they stay two.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
madvise(a+32K, 32K, MADV_DONTDUMP)
touch_write(a, 4K)
touch_write(a+32K, 4K)
madvise(a+32K, 32K, MADV_DODUMP)
