# The middle is locked: three areas, its pages come in, VmLck and Locked count them.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a+16K, 16K)
