# Zero pages that were read before PROT_WRITE came: a write gets a page of its own.
a = mmap(0x100000000000, 16K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_read(a, 16K)
mprotect(a, 16K, PROT_READ|PROT_WRITE)
snapshot("zero pages")
store(a+4K, 1, 1)
load(a, 1)
