# A table goes if no area's gap reaches into its span: here a neighbour in the same 2 MiB holds it.
a = mmap(0x100000000000, 1M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(0x100000000000+1M, 1M, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 1M)
munmap(a, 1M)
snapshot("neighbour")
munmap(b, 1M)
