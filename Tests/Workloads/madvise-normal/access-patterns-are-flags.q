# RANDOM, SEQUENTIAL, NORMAL: rr and sr exclude each other; areas with different ones do not merge.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
madvise(a, 16K, MADV_RANDOM)
madvise(a+16K, 16K, MADV_SEQUENTIAL)
snapshot("three")
madvise(a, 32K, MADV_SEQUENTIAL)
snapshot("two")
madvise(a, 64K, MADV_NORMAL)
