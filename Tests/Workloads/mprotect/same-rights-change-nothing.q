# Rights that are there already, for all of an area and for a part: no split, no fault later.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
mprotect(a, 64K, PROT_READ|PROT_WRITE)
mprotect(a+16K, 16K, PROT_READ|PROT_WRITE)
