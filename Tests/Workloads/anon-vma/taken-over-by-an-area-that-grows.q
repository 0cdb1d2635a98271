# An untouched area grows over a touched one's part: it takes over the anon_vma, and with it the charge.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+32K, 32K, PROT_READ)
mprotect(a+32K, 32K, PROT_READ|PROT_WRITE|PROT_EXEC)
touch_write(a+32K, 32K)
mprotect(a+32K, 16K, PROT_READ|PROT_WRITE)
mprotect(a, 64K, PROT_READ)
