# Nothing is written back of droppable memory: written pages are dropped.
mmap(0x100000000000, 16K, PROT_READ|PROT_WRITE, MAP_DROPPABLE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(0x100000000000, 8192, 7)
madvise(0x100000000000, 16K, MADV_PAGEOUT)
load(0x100000000000, 1)
