# MAP_NORESERVE: no ac, whatever rights come and go.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_NORESERVE, -1, 0)
touch_write(a, 8K)
mprotect(a, 64K, PROT_READ)
mprotect(a, 64K, PROT_READ|PROT_WRITE)
