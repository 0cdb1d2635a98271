# The child uses the parent's descriptors; closing one in the child leaves the parent's.
fd = memfd_create("m", 0)
ftruncate(fd, 16K)
c = fork()
[c] pwrite64(fd, "child", 5, 0)
[c] close(fd)
[c] pread64(fd, "", 5, 0)
pread64(fd, "", 5, 0)
[c] mmap(0x100000000000, 4K, PROT_READ, MAP_SHARED|MAP_FIXED, fd, 0)
