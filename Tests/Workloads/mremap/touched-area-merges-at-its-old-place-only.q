# With an anon_vma the page offset stays: no merge beside an alike area, but one on the way back.
a = mmap(0x100000000000, 128K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 128K)
b = mmap(0x100000000000+1M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
c = mremap(a, 64K, 64K, MREMAP_MAYMOVE|MREMAP_FIXED, b+64K)
snapshot("away")
mremap(c, 64K, 64K, MREMAP_MAYMOVE|MREMAP_FIXED, a)
