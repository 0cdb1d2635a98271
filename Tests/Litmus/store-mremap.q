# A store against mremap to another place: it moves along, also through a stale translation of the old place, or it faults.
# Allowed for r1/r2: done/1, SIGSEGV/7.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
t = thread()
parallel
mremap(x, 4K, 4K, MREMAP_MAYMOVE|MREMAP_FIXED, 0x100000010000)
[t] r1 = store(x, 1, 1)
end
r2 = load(0x100000010000, 1)
r3 = load(x, 1)
expect (r1 == 0 && r2 == 1) || (r1 == SIGSEGV && r2 == 7)
expect r3 == SIGSEGV
