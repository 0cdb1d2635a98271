# All of 2 MiB: the table stays, with its 512 entries.
a = mmap(0x100000000000, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 2M)
madvise(a, 2M, MADV_FREE)
