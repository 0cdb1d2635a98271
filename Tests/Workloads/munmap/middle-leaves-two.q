# Two areas are left, with the pages that were in them; VmPTE stays.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
munmap(a+16K, 16K)
load(a+16K, 1)
