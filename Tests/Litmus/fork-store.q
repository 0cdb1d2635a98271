# Two stores to two pages against fork: the child has both, the first one or none. Whoever sees the second store has the
# first, though fork copies page by page: until its flush a stale translation writes to a page that both share, afterwards
# a store waits for fork's end. Allowed for r1/r2: 7/7, 1/7, 1/1; the parent has both.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
y = mmap(0x100000002000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
store(y, 1, 7)
t = thread()
parallel
c = fork()
[t] store(x, 1, 1)
[t] store(y, 1, 1)
end
[c] r1 = load(x, 1)
[c] r2 = load(y, 1)
r3 = load(x, 1)
r4 = load(y, 1)
never r1 == 7 && r2 == 1
expect (r1 == 7 || r1 == 1) && (r2 == 7 || r2 == 1)
expect r3 == 1 && r4 == 1
