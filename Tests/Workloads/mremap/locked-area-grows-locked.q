# A locked area's new part is populated and counted in VmLck.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a, 64K)
mremap(a, 64K, 128K, 0)
snapshot("grown")
b = mremap(a, 128K, 128K, MREMAP_MAYMOVE|MREMAP_DONTUNMAP)
