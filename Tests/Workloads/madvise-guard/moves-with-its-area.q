# mremap takes guards along.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
madvise(a+16K, 16K, MADV_GUARD_INSTALL)
b = mremap(a, 64K, 64K, MREMAP_MAYMOVE|MREMAP_FIXED, a+1M)
load(b+16K, 1)
load(b, 1)
