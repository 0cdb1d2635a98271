# The child has the guards too; taking them away there leaves the parent's.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 16K)
madvise(a+16K, 16K, MADV_GUARD_INSTALL)
c = fork()
[c] load(a+16K, 1)
[c] madvise(a+16K, 16K, MADV_GUARD_REMOVE)
[c] load(a+16K, 1)
load(a+16K, 1)
