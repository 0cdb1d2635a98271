# What a borrower of memory faults in is not counted for the lender, while it runs or afterwards.
mmap(0x100000000000, 8K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
c = vfork()
[c] touch_write(0x100000000000, 4K)
snapshot("borrowed")
[c] exit(0)
touch_write(0x100000000000, 8K)
