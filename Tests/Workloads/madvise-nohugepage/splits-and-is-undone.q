# A part gets the flag (nh, then hg) and is cut out, with its pages; the opposite takes it away.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a+8K, 32K)
madvise(a+16K, 16K, MADV_NOHUGEPAGE)
snapshot("set")
madvise(a, 64K, MADV_HUGEPAGE)
