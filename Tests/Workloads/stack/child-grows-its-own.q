# After fork each side's stack grows by itself.
a = mmap(0x100000000000+16M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN, -1, 0)
store(a, 1, 1)
c = fork()
[c] store(a-8K, 1, 2)
store(a-4K, 1, 3)
load(a-8K, 1)
[c] load(a-4K, 1)
