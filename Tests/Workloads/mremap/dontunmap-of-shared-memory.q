# Shared anonymous memory: both ranges show the same pages.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 5)
b = mremap(a, 64K, 64K, MREMAP_MAYMOVE|MREMAP_DONTUNMAP|MREMAP_FIXED, a+1M)
load(a, 1)
store(b+4K, 1, 6)
load(a+4K, 1)
