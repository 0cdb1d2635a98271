# All of an area becomes like the one above; the one below stays different (never touched).
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a, 16K, PROT_NONE)
mprotect(a+16K, 16K, PROT_READ)
mprotect(a+16K, 16K, PROT_READ|PROT_WRITE)
