# The new length is shorter: what is behind it in the source goes.
a = mmap(0x100000000000, 128K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 128K, 5)
b = mremap(a, 128K, 64K, MREMAP_MAYMOVE|MREMAP_FIXED, a+1M)
load(b+60K, 1)
load(a+64K, 1)
