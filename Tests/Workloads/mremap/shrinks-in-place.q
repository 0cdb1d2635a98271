# The tail goes, the flag MAYMOVE does not matter.
a = mmap(0x100000000000, 128K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 128K)
mremap(a, 128K, 64K, 0)
mremap(a, 64K, 4K, MREMAP_MAYMOVE)
load(a+4K, 1)
