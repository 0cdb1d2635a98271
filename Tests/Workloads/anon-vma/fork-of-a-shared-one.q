# Two areas with one anon_vma: the parent can make them one again; in the child each has its own.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
mprotect(a+32K, 32K, PROT_READ)
c = fork()
[c] mprotect(a+32K, 32K, PROT_READ|PROT_WRITE)
mprotect(a+32K, 32K, PROT_READ|PROT_WRITE)
