# WILLNEED brings nothing of anonymous memory; on shared memory neither, without swap. A hole is reported at the end.
fd = memfd_create("m", 0)
ftruncate(fd, 64K)
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
m = mmap(a+64K, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
pwrite64(fd, "x", 1, 0)
madvise(a, 128K, MADV_WILLNEED)
madvise(a, 192K, MADV_WILLNEED)
mincore(a, 128K)
