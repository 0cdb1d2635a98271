# What is mapped anew has no anon_vma: it joins its neighbour with one.
a = mmap(0x100000000000, 96K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 96K)
munmap(a+32K, 32K)
snapshot("hole")
mmap(a+32K, 32K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
