# A store below a read-only stack: it grows all the same, and the signal is SEGV_ACCERR.
a = mmap(0x100000000000+16M, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN, -1, 0)
store(a-4K, 1, 1)
snapshot("store")
load(a-8K, 1)
