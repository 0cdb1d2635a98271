# Pages are write-protected in place; after the rights are back the first write needs a fault but no copy.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 64K, 1)
mprotect(a, 64K, PROT_READ)
load(a+60K, 2)
store(a, 1, 2)
mprotect(a, 64K, PROT_READ|PROT_WRITE)
store(a, 1, 2)
load(a, 2)
