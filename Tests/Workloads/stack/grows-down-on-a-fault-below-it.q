# A MAP_GROWSDOWN area grows to the page of the fault; pages in between stay empty.
a = mmap(0x100000000000+16M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN, -1, 0)
store(a-4K, 1, 7)
snapshot("one page")
store(a-64K, 1, 8)
load(a-4K, 1)
load(a-128K, 1)
