# Pages go, reads give zeros afterwards; the area and its anon_vma stay, other pages too.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 7)
madvise(a+16K, 16K, MADV_DONTNEED)
load(a+16K, 1)
load(a+32K, 1)
load(a+12K, 1)
