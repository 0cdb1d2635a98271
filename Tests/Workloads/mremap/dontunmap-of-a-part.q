# Only the middle moves; the area stays one, its anon_vma too, since other pages hang on it.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 5)
b = mremap(a+16K, 16K, 16K, MREMAP_MAYMOVE|MREMAP_DONTUNMAP|MREMAP_FIXED, a+1M)
load(a+16K, 1)
load(a+32K, 1)
