# brk keeps a page free below what is mapped above: one page less than up to it, and never into it.
b = brk(NULL)
mmap(b+64K, 4K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
brk(b+60K)
brk(b+64K)
brk(b+64K+1)
munmap(b+64K, 4K)
brk(b+128K)
