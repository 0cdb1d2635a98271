# Each munmap frees the PTE table of its span; the last one the upper levels too.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 4K)
touch_write(a+2M, 4K)
snapshot("two")
munmap(a+2M, 2M)
snapshot("one")
munmap(a, 2M)
