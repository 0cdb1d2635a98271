# Own pages, shared ones, zero pages, lazy ones and holes side by side: each field counts its own.
a = mmap(0x100000000000, 96K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 48K)
c = fork()
[c] store(a, 16K, 2)
touch_read(a+48K, 16K)
touch_write(a+64K, 16K)
madvise(a+64K, 8K, MADV_FREE)
[c] touch_write(a+64K, 4K)
