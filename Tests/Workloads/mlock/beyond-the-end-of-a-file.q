# Pages beyond the end cannot come in: the area is locked, the call says so.
fd = memfd_create("m", 0)
ftruncate(fd, 8K)
a = mmap(0x100000000000, 32K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
mlock(a, 32K)
snapshot("short")
ftruncate(fd, 32K)
touch_read(a, 32K)
munlock(a, 32K)
