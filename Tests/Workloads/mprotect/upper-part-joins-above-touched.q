# The upper part of an area becomes like its upper neighbour: the boundary moves down (with pages).
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
mprotect(a, 48K, PROT_READ)
mprotect(a+32K, 16K, PROT_READ|PROT_WRITE)
