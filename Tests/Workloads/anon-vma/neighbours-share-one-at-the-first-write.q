# Only mprotect keeps two areas apart: the second's first write takes the first's anon_vma, so that they can rejoin.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+32K, 32K, PROT_READ|PROT_EXEC)
touch_write(a, 4K)
mprotect(a+32K, 32K, PROT_READ|PROT_WRITE|PROT_EXEC)
touch_write(a+32K, 4K)
mprotect(a+32K, 32K, PROT_READ|PROT_WRITE)
