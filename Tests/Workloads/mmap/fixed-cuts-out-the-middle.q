# MAP_FIXED over the middle: the rest keeps its pages, what was below the new mapping is gone.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 7)
mmap(a+16K, 16K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
load(a+12K, 4)
load(a+16K, 4)
load(a+32K, 4)
