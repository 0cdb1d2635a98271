# The range begins in the gap below a stack: PROT_GROWSDOWN takes the stack's start, a plain mprotect fails.
a = mmap(0x100000000000+16M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED|MAP_GROWSDOWN, -1, 0)
mprotect(a-8K, 16K, PROT_READ)
mprotect(a-8K, 16K, PROT_READ|PROT_GROWSDOWN)
mprotect(a-8K, 4K, PROT_READ|PROT_GROWSDOWN)
