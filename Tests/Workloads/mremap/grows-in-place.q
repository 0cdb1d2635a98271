# Free space behind it: the same address, a larger area, old pages kept.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 4)
mremap(a, 64K, 128K, 0)
load(a+60K, 1)
load(a+64K, 1)
