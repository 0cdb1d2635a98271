# After fork the caller's mappings go; the child's pages are its own then.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 7)
c = fork()
madvise(a, 64K, MADV_DONTNEED)
load(a, 1)
[c] load(a, 1)
[c] store(a, 1, 8)
