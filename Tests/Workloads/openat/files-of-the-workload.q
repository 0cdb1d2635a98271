# Files by name: created once, found again, truncated, refused.
a = openat(AT_FDCWD, "one", O_RDWR)
a = openat(AT_FDCWD, "one", O_RDWR|O_CREAT, 0600)
pwrite64(a, "hello", 5, 0)
b = openat(AT_FDCWD, "one", O_RDONLY)
pread64(b, "", 5, 0)
c = openat(AT_FDCWD, "one", O_RDWR|O_CREAT|O_EXCL, 0600)
d = openat(AT_FDCWD, "one", O_RDWR|O_TRUNC)
pread64(b, "", 5, 0)
