# S3-06: a write in between gives the middle an anon_vma: it stays charged and by itself, whatever becomes of its page.
a = mmap(0x100000000000, 12K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+4K, 4K, PROT_READ|PROT_WRITE)
store(a+4K, 1, 1)
mprotect(a+4K, 4K, PROT_READ)
snapshot("three")
madvise(a, 12K, MADV_DONTNEED)
mprotect(a+4K, 4K, PROT_NONE)
mprotect(a+4K, 4K, PROT_READ)
