# The middle gets back the rights of both neighbours (with pages). Unaccounted in between if never touched.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
mprotect(a+16K, 16K, PROT_READ)
snapshot("three")
mprotect(a+16K, 16K, PROT_READ|PROT_WRITE)
