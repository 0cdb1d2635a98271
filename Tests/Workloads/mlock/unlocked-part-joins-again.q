# Lock the middle, unlock it: one area again, pages stay.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 4K)
mlock(a+16K, 16K)
munlock(a+16K, 16K)
