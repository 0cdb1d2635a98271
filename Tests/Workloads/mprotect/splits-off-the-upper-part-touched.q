# The last 16 KiB of 64 get other rights (with pages): two areas.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
mprotect(a+48K, 16K, PROT_READ)
