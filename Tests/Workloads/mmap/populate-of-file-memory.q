# A shared mapping gets the file's pages as they are, a private writable one copies; nothing beyond the end.
fd = memfd_create("m", 0)
ftruncate(fd, 48K)
pwrite64(fd, "x", 1, 0)
a = mmap(0x100000000000, 16K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED|MAP_POPULATE, fd, 0)
b = mmap(0x100000000000+1M, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_POPULATE, fd, 16K)
c = mmap(0x100000000000+2M, 32K, PROT_READ, MAP_SHARED|MAP_FIXED|MAP_POPULATE, fd, 32K)
mincore(c, 32K)
