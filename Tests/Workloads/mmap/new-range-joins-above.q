# A mapping directly below an alike one makes that one begin lower; touched pages stay where they are.
a = mmap(0x100000000000, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mmap(a+128K, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a+128K, 4, 0x5a)
mmap(a+64K, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
load(a+128K, 4)
snapshot("joined")
munmap(a+128K, 64K)
load(a+64K, 4)
