# A store against MADV_DONTNEED: it hits the page that goes or the fresh one. Allowed for r1/r2: 1/1 (the store came last),
# 1/0 (it went with the old page, perhaps through a stale translation), 0/0 (the page went between store and load). The
# old byte never comes back, and a byte that was lost does not either.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
t = thread()
parallel
madvise(x, 4K, MADV_DONTNEED)
[t] store(x, 1, 1)
[t] r1 = load(x, 1)
end
r2 = load(x, 1)
never r1 == 7 || r2 == 7
never r1 == 0 && r2 == 1
