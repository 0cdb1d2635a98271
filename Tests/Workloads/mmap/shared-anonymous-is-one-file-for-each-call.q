# Two shared anonymous mappings side by side are two files: they never merge; a child shares the pages.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(a+64K, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 1, 1)
c = fork()
[c] store(a+4K, 1, 2)
[c] store(b, 1, 3)
load(a+4K, 1)
load(b, 1)
