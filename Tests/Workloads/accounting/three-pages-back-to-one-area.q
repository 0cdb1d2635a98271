# S3-06: three pages, the middle writable and back. Never written: one area again, its charge given up.
a = mmap(0x100000000000, 12K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+4K, 4K, PROT_READ|PROT_WRITE)
snapshot("three")
mprotect(a+4K, 4K, PROT_READ)
