# The second area is shared and its descriptor cannot write: EACCES, the first one is changed.
fd = openat(AT_FDCWD, "f", O_CREAT|O_RDWR, 0600)
ftruncate(fd, 64K)
r = openat(AT_FDCWD, "f", O_RDONLY)
a = mmap(0x100000000000, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mmap(a+64K, 64K, PROT_READ, MAP_SHARED|MAP_FIXED, r, 0)
mmap(a+128K, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a, 192K, PROT_READ|PROT_WRITE)
