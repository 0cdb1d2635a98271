# Where the program has unmapped what the heap would give up, brk moves nothing.
brk(0x180000010000)
munmap(0x180000008000, 32K)
brk(0x180000009000)
brk(0x180000007000)
brk(0)
