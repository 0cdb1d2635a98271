# Store buffering on pages that nobody has touched: each store faults, which takes its thread long enough that the other's
# is nearly always seen. Nothing forbids 0/0: a store is done again after its fault and may then wait in the buffer as any
# other. Allowed: all four.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
y = mmap(0x100000002000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
t = thread()
parallel
store(x, 1, 1)
r1 = load(y, 1)
[t] store(y, 1, 1)
[t] r2 = load(x, 1)
end
expect r1 <= 1 && r2 <= 1
