# fork: charged areas are charged again, uncharged ones not; the child gives its charge up by itself.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+32K, 32K, PROT_READ)
c = fork()
[c] mprotect(a, 32K, PROT_READ)
mprotect(a+32K, 32K, PROT_READ|PROT_WRITE)
