# Two first stores to one page: both fault, one frame is mapped, no byte is lost. Allowed: 1/2.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
t = thread()
parallel
store(x, 1, 1)
r1 = load(x+1, 1)
[t] store(x+1, 1, 2)
[t] r2 = load(x, 1)
end
r3 = load(x, 1)
r4 = load(x+1, 1)
expect r3 == 1 && r4 == 2
expect (r1 == 0 || r1 == 2) && (r2 == 0 || r2 == 1)
