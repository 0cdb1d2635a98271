# The page is made, and the file reaches up to it, before the memory is found to be out of reach.
fd = memfd_create("f", 0)
pwrite64(fd, 0x100000000000, 1, 4097)
pread64(fd, "", 16, 4090)
mmap(0x100000200000, 16K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
mincore(0x100000200000, 16K)
