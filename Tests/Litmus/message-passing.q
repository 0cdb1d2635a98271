# Message passing: who sees the flag sees the message. Stores leave the buffer in order and loads are not reordered.
# Allowed: 0/0, 0/1, 1/1.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
y = mmap(0x100000002000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 0)
store(y, 1, 0)
t = thread()
parallel
store(x, 1, 1)
store(y, 1, 1)
[t] r1 = load(y, 1)
[t] r2 = load(x, 1)
end
never r1 == 1 && r2 == 0
