# The middle of an area cannot grow in place: it moves and leaves a hole.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 5)
b = mremap(a+16K, 16K, 32K, MREMAP_MAYMOVE)
load(b+12K, 1)
load(a+32K, 1)
