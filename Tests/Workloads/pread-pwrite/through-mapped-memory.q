# pwrite from mapped memory and pread into it: the bytes go through the page cache and the process's own pages.
fd = memfd_create("m", 0)
a = mmap(0x100000000000, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 8K, 0x61)
pwrite64(fd, a, 6000, 0)
pread64(fd, "", 2, 5998)
pread64(fd, a+8K, 8192, 0)
load(a+8K+5998, 4)
