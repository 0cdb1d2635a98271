# An area that ends where the heap begins stays apart, though nothing tells the two from each other.
mmap(0x17ffffffe000, 8K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
brk(0x180000002000)
snapshot("apart")
brk(0x180000004000)
