# Store buffering: each thread writes its own word and reads the other's. Sequential consistency forbids 0/0; x86 shows it,
# because a store waits in its CPU's buffer while the load behind it reads. Allowed: all four.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
y = mmap(0x100000002000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 0)
store(y, 1, 0)
t = thread()
parallel
store(x, 1, 1)
r1 = load(y, 1)
[t] store(y, 1, 1)
[t] r2 = load(x, 1)
end
expect r1 <= 1 && r2 <= 1
