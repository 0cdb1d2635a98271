# Negative sizes, unknown descriptors, read-only ones; which of two errors wins.
fd = openat(AT_FDCWD, "f", O_CREAT|O_RDWR, 0600)
r = openat(AT_FDCWD, "f", O_RDONLY)
ftruncate(fd, 0xffffffffffffffff)
ftruncate(99, 0xffffffffffffffff)
ftruncate(99, 4K)
ftruncate(r, 4K)
ftruncate(r, 0xffffffffffffffff)
ftruncate(fd, 0)
