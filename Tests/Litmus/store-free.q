# A store against MADV_FREE: the page may be taken only while nobody has written to it since, so a store is never lost.
# Allowed: 1/1.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
t = thread()
parallel
madvise(x, 4K, MADV_FREE)
[t] store(x, 1, 1)
[t] r1 = load(x, 1)
end
r2 = load(x, 1)
expect r1 == 1 && r2 == 1
