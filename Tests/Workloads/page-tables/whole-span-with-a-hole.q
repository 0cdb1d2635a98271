# An area that does not fill its span: DONTNEED of all of it leaves the empty table.
a = mmap(0x100000000000, 2M-4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 2M-4K)
madvise(a, 2M-4K, MADV_DONTNEED)
snapshot("left")
munmap(a, 2M-4K)
