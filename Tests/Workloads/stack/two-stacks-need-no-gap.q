# Below is another growing area: no gap is kept, but it is not grown over either.
a = mmap(0x100000000000+16M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN, -1, 0)
b = mmap(a-256K, 64K, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN, -1, 0)
store(a-64K, 1, 1)
store(a-188K, 1, 1)
store(a-192K, 1, 1)
store(a-196K, 1, 1)
