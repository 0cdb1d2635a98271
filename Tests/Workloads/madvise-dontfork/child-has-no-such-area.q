# The area is not in the child: SEGV there, and its page tables are not copied.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
madvise(a+16K, 16K, MADV_DONTFORK)
c = fork()
[c] load(a+16K, 1)
[c] load(a+32K, 1)
[c] mmap(a+16K, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
[c] load(a+16K, 1)
