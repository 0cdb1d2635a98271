# The range begins and ends within areas: the outer parts keep their rights.
a = mmap(0x100000000000, 192K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+64K, 64K, PROT_READ)
touch_write(a, 64K)
touch_write(a+128K, 64K)
mprotect(a+32K, 128K, PROT_NONE)
