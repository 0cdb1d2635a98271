# A range with holes before, between and behind: what is in it goes, holes are no error.
a = mmap(0x100000000000+64K, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(0x100000000000+192K, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
c = mmap(0x100000000000+320K, 64K, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
touch_read(c, 64K)
munmap(0x100000000000+96K, 256K)
munmap(0x100000000000, 64K)
