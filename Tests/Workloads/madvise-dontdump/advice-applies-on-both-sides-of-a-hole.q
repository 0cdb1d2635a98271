# Flags are set before and behind a hole although the call says ENOMEM.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(a+128K, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
madvise(a+32K, 128K, MADV_DONTDUMP)
snapshot("set")
madvise(a-64K, 512K, MADV_DODUMP)
