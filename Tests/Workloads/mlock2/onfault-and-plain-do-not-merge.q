# lo and lo lf are different flags: two areas; munlock takes both away and joins them.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock(a, 32K)
mlock2(a+32K, 32K, MLOCK_ONFAULT)
snapshot("two")
munlock(a, 64K)
