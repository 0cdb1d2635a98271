# MLOCK_ONFAULT: the flag alone; pages are locked as they come.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mlock2(a, 64K, MLOCK_ONFAULT)
snapshot("none yet")
touch_write(a, 8K)
snapshot("two")
mlock2(a, 64K, 0)
