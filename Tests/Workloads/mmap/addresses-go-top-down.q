# The kernel chooses the highest hole that fits, below what is there already.
a = mmap(NULL, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
b = mmap(NULL, 4K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
c = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
munmap(a, 64K)
d = mmap(NULL, 32K, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
e = mmap(NULL, 64K, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
