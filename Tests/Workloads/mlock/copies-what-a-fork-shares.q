# Locking writable private memory after a fork makes copies of the shared pages.
a = mmap(0x100000000000, 32K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 32K, 1)
c = fork()
mlock(a, 16K)
snapshot("parent")
[c] mlock2(a, 32K, MLOCK_ONFAULT)
