# Tables by what is touched, not by what is mapped: a page in each of four spans, then one in the next gigabyte.
a = mmap(0x100000000000, 2G, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_NORESERVE, -1, 0)
touch_write(a, 4K)
touch_write(a+2M, 4K)
touch_write(a+4M+2044K, 4K)
touch_write(a+512M, 4K)
snapshot("first")
touch_write(a+1G, 4K)
touch_read(a+1G+2M, 4K)
