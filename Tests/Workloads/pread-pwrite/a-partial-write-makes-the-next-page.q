# What stops a write at the border of a page of the file still makes that page.
fd = memfd_create("f", 0)
mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(0x100000000000, 4096, 7)
pwrite64(fd, 0x100000000000, 8K, 4096)
mmap(0x100000200000, 16K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
mincore(0x100000200000, 16K)
