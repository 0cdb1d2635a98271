# mprotect cuts an area in three and joins it again; then its end, then its start.
a = mmap(0x100000000000, 256K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+64K, 64K, PROT_READ)
mprotect(a+64K, 64K, PROT_READ|PROT_WRITE)

# The same at the upper end, and the boundary moves.
mprotect(a+128K, 128K, PROT_READ)
mprotect(a+128K, 64K, PROT_READ|PROT_WRITE)
mprotect(a+128K, 64K, PROT_READ)
mprotect(a, 256K, PROT_NONE)
