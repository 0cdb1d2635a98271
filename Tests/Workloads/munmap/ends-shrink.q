# The start and the end are cut off: one area with another page offset.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 3)
munmap(a, 16K)
munmap(a+48K, 16K)
load(a+16K, 2)
