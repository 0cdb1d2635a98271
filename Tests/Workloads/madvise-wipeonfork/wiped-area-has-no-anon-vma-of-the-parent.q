# In the child a new neighbour joins the wiped area, as it does not join an inherited one.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
madvise(a, 64K, MADV_WIPEONFORK)
c = fork()
[c] mmap(a+64K, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
[c] madvise(a+64K, 16K, MADV_WIPEONFORK)
[c] mprotect(a, 16K, PROT_READ)
