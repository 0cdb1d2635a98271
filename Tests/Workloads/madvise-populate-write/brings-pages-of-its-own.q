# Writable pages, also in place of zero pages and over a file.
fd = memfd_create("m", 0)
ftruncate(fd, 64K)
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mmap(a+64K, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, fd, 0)
touch_read(a, 128K)
snapshot("read")
madvise(a, 128K, MADV_POPULATE_WRITE)
