# Overlapping locks are one: nothing is counted twice, and one munlock undoes all.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a, 32K)
mlock(a+16K, 48K)
mlock(a, 64K)
snapshot("locked")
munlock(a, 64K)
