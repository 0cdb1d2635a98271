# What is unmapped and mapped anew in the middle rejoins in the parent; in the child there are three areas.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
c = fork()
[c] munmap(a+16K, 16K)
[c] mmap(a+16K, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
[c] touch_write(a+16K, 4K)
mmap(a+16K, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
