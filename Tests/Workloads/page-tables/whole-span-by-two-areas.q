# Two areas share the span: one call over both frees no table, since no area covers it.
a = mmap(0x100000000000, 1M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(0x100000000000+1M, 1M, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 1M)
touch_read(b, 1M)
madvise(a, 2M, MADV_DONTNEED)
