# R: two stores against a store and a load. The load may read before the store in front of it leaves the buffer, so that
# y ends with 2 and x was still 0: sequential consistency forbids that. Allowed: all four.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
y = mmap(0x100000002000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 0)
store(y, 1, 0)
t = thread()
parallel
store(x, 1, 1)
store(y, 1, 1)
[t] store(y, 1, 2)
[t] r1 = load(x, 1)
end
r2 = load(y, 1)
expect r1 <= 1 && (r2 == 1 || r2 == 2)
