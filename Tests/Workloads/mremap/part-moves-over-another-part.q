# Part of an area moves over another part of it: three areas, the moved one with its old page offset in the middle.
a = mmap(0x100000000000, 192K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 192K, 1)
mremap(a, 32K, 32K, MREMAP_MAYMOVE|MREMAP_FIXED, a+96K)
load(a+96K, 1)
load(a+32K, 1)
