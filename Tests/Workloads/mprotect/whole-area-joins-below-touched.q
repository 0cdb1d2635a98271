# All of an area becomes like the one below; the one above stays different (with pages).
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
mprotect(a+16K, 16K, PROT_READ)
mprotect(a+32K, 32K, PROT_NONE)
mprotect(a+16K, 16K, PROT_READ|PROT_WRITE)
