# Exactly one aligned 2 MiB: the table goes with the call.
a = mmap(0x100000000000, 6M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 6M)
snapshot("full")
madvise(a+2M, 2M, MADV_DONTNEED)
