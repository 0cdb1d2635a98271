# A growing area keeps growing down where it was moved to.
a = mmap(0x100000000000+16M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN, -1, 0)
store(a, 1, 7)
b = mremap(a, 64K, 64K, MREMAP_MAYMOVE|MREMAP_FIXED, 0x100000000000+64M)
store(b-4K, 1, 8)
load(b, 1)
store(a-4K, 1, 9)
