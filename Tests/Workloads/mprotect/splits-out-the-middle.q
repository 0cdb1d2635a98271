# 16 KiB in the middle get other rights (never touched): three areas.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+16K, 16K, PROT_READ)
