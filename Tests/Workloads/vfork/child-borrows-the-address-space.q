# What a vfork child writes is in the parent, which waits until the child exits.
a = mmap(0x100000000000, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
c = vfork()
[c] store(a, 1, 7)
[c] mmap(a+16K, 16K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
[c] exit(0)
load(a, 1)
wait4(c, NULL, 0, NULL)
