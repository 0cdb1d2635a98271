# After fork: the caller's mappings of shared pages become lazy as well; the child's are dirty still.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 7)
c = fork()
madvise(a, 32K, MADV_FREE)
snapshot("freed")
[c] store(a, 4K, 8)
load(a, 1)
