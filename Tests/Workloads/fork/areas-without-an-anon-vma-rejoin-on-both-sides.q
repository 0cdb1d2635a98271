# Two areas, nothing written before the fork and one page in the parent after it: both sides can make them one.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+32K, 32K, PROT_READ)
c = fork()
touch_write(a, 4K)
[c] mprotect(a+32K, 32K, PROT_READ|PROT_WRITE)
mprotect(a+32K, 32K, PROT_READ|PROT_WRITE)
