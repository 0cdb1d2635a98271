# What one of two processes unmaps stays in the other, with pages and tables.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 4M)
c = fork()
munmap(a, 2M)
[c] munmap(a+2M, 2M)
[c] load(a, 1)
load(a+2M, 1)
