# After the child is gone the parent is the only mapper again: its write keeps the page.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 1)
c = fork()
[c] exit(0)
wait4(c, NULL, 0, NULL)
snapshot("alone")
store(a, 64K, 2)
load(a, 1)
