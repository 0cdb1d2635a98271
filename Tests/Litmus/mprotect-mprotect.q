# Two calls of mprotect on one page: the last one counts, and both succeed. Allowed: the store at the end is done or faults.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
t = thread()
parallel
r1 = mprotect(x, 4K, PROT_READ)
[t] r2 = mprotect(x, 4K, PROT_READ|PROT_WRITE)
end
r3 = store(x, 1, 1)
r4 = load(x, 1)
expect r1 == 0 && r2 == 0
expect (r3 == 0 && r4 == 1) || (r3 == SIGSEGV && r4 == 7)
