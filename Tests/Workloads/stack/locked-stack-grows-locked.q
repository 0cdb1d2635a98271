# Growth of a locked stack counts in VmLck; with MAP_LOCKED the area was populated at once.
a = mmap(0x100000000000+16M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN|MAP_LOCKED, -1, 0)
store(a-16K, 1, 1)
munlock(a-16K, 80K)
