# A file page is dirty once anybody wrote it, clean after a mere read; a private copy is anonymous and dirty.
fd = memfd_create("m", 0)
ftruncate(fd, 32K)
a = mmap(0x100000000000, 32K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
touch_read(a, 16K)
store(a+16K, 4K, 1)
p = mmap(0x100000000000+1M, 32K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, fd, 0)
touch_read(p, 32K)
store(p, 4K, 2)
