# The locked area's EINVAL wins over the ENOMEM of the hole before it.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(a+128K, 128K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
touch_write(b, 128K)
mlock(b+64K, 64K)
madvise(a, 256K, MADV_DONTNEED)
