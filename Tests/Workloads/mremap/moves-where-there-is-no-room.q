# A neighbour is in the way: ENOMEM without MAYMOVE, another address with it; contents and tables go along.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mmap(a+64K, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 5)
mremap(a, 64K, 128K, 0)
b = mremap(a, 64K, 128K, MREMAP_MAYMOVE)
load(b+60K, 1)
load(b+64K, 1)
load(a, 1)
