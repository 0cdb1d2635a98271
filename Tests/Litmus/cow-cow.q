# Parent and child write to a page that they share after fork: each ends with its own byte and nothing of the other's.
# Allowed: 1/7 and 7/2.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 2, 7)
c = fork()
parallel
store(x, 1, 1)
r1 = load(x+1, 1)
[c] store(x+1, 1, 2)
[c] r2 = load(x, 1)
end
r3 = load(x, 1)
[c] r4 = load(x+1, 1)
expect r1 == 7 && r2 == 7
expect r3 == 1 && r4 == 2
