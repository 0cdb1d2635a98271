# The last 16 KiB of 64 get other rights (never touched): two areas.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+48K, 16K, PROT_READ)
