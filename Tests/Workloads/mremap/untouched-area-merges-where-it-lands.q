# Without an anon_vma the page offset follows the address: it joins an alike neighbour at the target.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(0x100000000000+1M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mremap(a, 64K, 64K, MREMAP_MAYMOVE|MREMAP_FIXED, b+64K)
