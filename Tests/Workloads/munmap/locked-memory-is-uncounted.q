# VmLck goes down with a part of a locked area.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a, 64K)
munmap(a+32K, 16K)
snapshot("part")
munmap(a, 64K)
