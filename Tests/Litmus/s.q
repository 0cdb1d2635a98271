# S: a store behind a load that has seen the other thread's second store comes after the first one. Allowed: all but
# r1 = 1 and x = 2 at the end.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
y = mmap(0x100000002000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 0)
store(y, 1, 0)
t = thread()
parallel
store(x, 1, 2)
store(y, 1, 1)
[t] r1 = load(y, 1)
[t] store(x, 1, 1)
end
r2 = load(x, 1)
never r1 == 1 && r2 == 2
