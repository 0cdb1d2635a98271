# Its bytes are zeroed, which makes it dirty.
fd = memfd_create("f", 0)
ftruncate(fd, 16K)
mmap(0x100000000000, 16K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED|MAP_POPULATE, fd, 0)
fallocate(fd, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 0x2709)
snapshot("punched")
ftruncate(fd, 0x3001)
