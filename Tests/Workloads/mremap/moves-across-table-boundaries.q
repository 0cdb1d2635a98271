# Source and target lie differently in their tables: entries go one by one.
a = mmap(0x100000000000+1M, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 2M)
b = mremap(a, 2M, 2M, MREMAP_MAYMOVE|MREMAP_FIXED, 0x100000000000+16M+4K)
load(b+2M-1, 1)
load(b, 1)
