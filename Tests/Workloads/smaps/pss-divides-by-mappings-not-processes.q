# One file page mapped twice by one process and once by another: Pss is a third each.
fd = memfd_create("m", 0)
ftruncate(fd, 12K)
a = mmap(0x100000000000, 12K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
b = mmap(0x100000000000+1M, 12K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
touch_write(a, 12K)
touch_read(b, 12K)
c = fork()
[c] touch_read(a, 4K)
