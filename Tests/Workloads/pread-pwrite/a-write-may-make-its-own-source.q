# The source is the file's own first page, beyond the end until the write has made the file longer.
fd = memfd_create("f", 0)
mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, fd, 0)
load(0x100000000000, 1)
pwrite64(fd, 0x100000000000, 1, 4096)
load(0x100000000000, 1)
