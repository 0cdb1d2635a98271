# Reads make no anon_vma: the area is unaccounted although its tables hold zero pages.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_read(a, 64K)
mprotect(a, 64K, PROT_READ)
