# Two threads write two words in opposite orders. Stores leave each buffer in order, so the first of one thread cannot be the
# last in both words. Allowed: all but 1/1 at the end.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
y = mmap(0x100000002000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 0)
store(y, 1, 0)
t = thread()
parallel
store(x, 1, 1)
store(y, 1, 2)
[t] store(y, 1, 1)
[t] store(x, 1, 2)
end
r1 = load(x, 1)
r2 = load(y, 1)
never r1 == 1 && r2 == 1
