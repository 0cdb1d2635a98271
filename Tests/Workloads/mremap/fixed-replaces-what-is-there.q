# MREMAP_FIXED unmaps the target first, cutting an area that reaches beyond it.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(0x100000000000+1M, 128K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 5)
touch_read(b, 128K)
mremap(a, 64K, 64K, MREMAP_MAYMOVE|MREMAP_FIXED, b+32K)
load(b+32K, 1)
load(b, 1)
