# PAGEOUT has nowhere to put anonymous pages: they stay. Locked areas are refused.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 7)
madvise(a, 64K, MADV_PAGEOUT)
load(a, 1)
mlock(a+32K, 4K)
madvise(a, 64K, MADV_PAGEOUT)
