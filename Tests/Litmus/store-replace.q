# A store against a mapping that replaces the area: it goes to the old page or to the new one, but it never finds a hole.
# Allowed for r1/r2: done/0, done/1.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
t = thread()
parallel
mmap(x, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
[t] r1 = store(x, 1, 1)
end
r2 = load(x, 1)
expect r1 == 0
expect r2 == 0 || r2 == 1
