# Address down, end up: one byte in each of two pages locks both.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a+4095, 2)
munlock(a+4096, 1)
