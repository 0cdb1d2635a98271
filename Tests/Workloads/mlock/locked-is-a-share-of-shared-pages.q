# Locked is Pss: a page that a child has too counts half. The lock itself is not inherited.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a, 64K)
c = fork()
snapshot("shared")
[c] touch_write(a, 16K)
