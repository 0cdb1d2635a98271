# Within 1 MiB (256 pages) above another area no growth: SEGV_MAPERR; an area without rights does not count.
a = mmap(0x100000000000+16M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN, -1, 0)
mmap(a-2M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a-960K, 1, 1)
store(a-968K, 1, 1)
snapshot("blocked")
mprotect(a-2M, 64K, PROT_NONE)
store(a-968K, 1, 1)
store(a-1M-900K, 1, 1)
