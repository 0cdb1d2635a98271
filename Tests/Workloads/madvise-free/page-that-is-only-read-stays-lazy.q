# A read does not take the mark away; a write does, once.
a = mmap(0x100000000000, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 16K, 7)
madvise(a, 16K, MADV_FREE)
touch_read(a, 16K)
snapshot("read")
touch_write(a, 8K)
