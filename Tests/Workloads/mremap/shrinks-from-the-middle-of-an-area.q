# Part of an area "shrinks": the piece between new and old end goes, the rest above stays.
a = mmap(0x100000000000, 128K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 128K)
mremap(a+32K, 64K, 32K, 0)
