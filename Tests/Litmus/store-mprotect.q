# A store against mprotect(PROT_READ): it is done, or it faults and nothing is written. A stale translation may let a store
# through until the flush, but mprotect has not returned then. Allowed for r1/r2: done/1, SIGSEGV/7.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
t = thread()
parallel
mprotect(x, 4K, PROT_READ)
[t] r1 = store(x, 1, 1)
end
r2 = load(x, 1)
r3 = store(x, 1, 2)
expect (r1 == 0 && r2 == 1) || (r1 == SIGSEGV && r2 == 7)
expect r3 == SIGSEGV
