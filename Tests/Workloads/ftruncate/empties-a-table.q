# Truncation of 2 MiB that fill a table: the pages go; what becomes of the table.
fd = memfd_create("m", 0)
ftruncate(fd, 4M)
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
touch_write(a, 4M)
ftruncate(fd, 2M)
snapshot("half")
ftruncate(fd, 0)
