# Reads of a private mapping map the page cache's pages: none is anonymous; a hole of the file becomes a page.
fd = memfd_create("m", 0)
ftruncate(fd, 64K)
pwrite64(fd, "x", 1, 0)
a = mmap(0x100000000000, 64K, PROT_READ, MAP_PRIVATE|MAP_FIXED, fd, 0)
touch_read(a, 8K)
b = mmap(0x100000000000+1M, 64K, PROT_READ, MAP_PRIVATE|MAP_FIXED, fd, 0)
touch_read(b, 4K)
