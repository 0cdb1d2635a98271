# A hole in the middle: what is before and behind it is given back, then ENOMEM.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(a+128K, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
touch_write(b, 64K)
madvise(a, 192K, MADV_DONTNEED)
