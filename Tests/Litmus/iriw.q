# Independent reads of independent writes: two readers never disagree about which of two stores came first, because a store
# becomes visible to all other CPUs at once. Allowed: all fifteen but 1/0, 1/0.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
y = mmap(0x100000002000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 0)
store(y, 1, 0)
a = thread()
b = thread()
c = thread()
parallel
store(x, 1, 1)
[a] store(y, 1, 1)
[b] r1 = load(x, 1)
[b] r2 = load(y, 1)
[c] r3 = load(y, 1)
[c] r4 = load(x, 1)
end
never r1 == 1 && r2 == 0 && r3 == 1 && r4 == 0
