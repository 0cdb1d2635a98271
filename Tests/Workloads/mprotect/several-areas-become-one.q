# One call over three areas of different rights: each is changed, and each joins the one before.
a = mmap(0x100000000000, 192K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+64K, 64K, PROT_READ)
mprotect(a+128K, 64K, PROT_READ|PROT_EXEC)
snapshot("three")
mprotect(a, 192K, PROT_NONE)
