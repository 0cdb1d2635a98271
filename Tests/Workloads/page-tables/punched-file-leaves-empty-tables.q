# A hole punched through a mapping of the whole span: the pages go; the table is not the mapper's call to free.
fd = memfd_create("m", 0)
ftruncate(fd, 4M)
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
touch_write(a, 4M)
fallocate(fd, FALLOC_FL_PUNCH_HOLE|FALLOC_FL_KEEP_SIZE, 0, 2M)
snapshot("punched")
madvise(a+2M, 2M, MADV_REMOVE)
