# munmap of a whole span within an area frees its table, of all but a page does not.
a = mmap(0x100000000000, 6M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 6M)
munmap(a+2M, 2M)
snapshot("span")
munmap(a+4M, 2M-4K)
snapshot("but a page")
munmap(a+6M-4K, 4K)
