# A middle that mprotect cuts out and gives back has its neighbours' anon_vma: one area again, in the child too.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
c = fork()
[c] mprotect(a+16K, 16K, PROT_READ)
[c] mprotect(a+16K, 16K, PROT_READ|PROT_WRITE)
mprotect(a+16K, 16K, PROT_READ)
mprotect(a+16K, 16K, PROT_READ|PROT_WRITE)
