# All of an area gets other rights (with pages): it stays one.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
mprotect(a, 64K, PROT_READ)
