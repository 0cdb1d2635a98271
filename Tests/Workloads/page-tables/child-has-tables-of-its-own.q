# After fork: the child's DONTNEED frees the child's table alone.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 4M)
c = fork()
[c] madvise(a, 2M, MADV_DONTNEED)
snapshot("child")
madvise(a+2M, 2M, MADV_DONTNEED)
