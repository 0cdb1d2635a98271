# A span full of zero pages, and one with a single one: both tables go.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_read(a, 2M)
touch_read(a+3M, 4K)
snapshot("read")
madvise(a, 4M, MADV_DONTNEED)
