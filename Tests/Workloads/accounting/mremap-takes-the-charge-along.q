# A charged area grows, moves, shrinks; a read-only one that was written stays charged on the way.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
mprotect(a, 64K, PROT_READ)
b = mremap(a, 64K, 128K, MREMAP_MAYMOVE|MREMAP_FIXED, a+1M)
mprotect(b+64K, 64K, PROT_NONE)
mremap(b, 64K, 16K, 0)
