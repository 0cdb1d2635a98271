# Coherence of reads: two loads of one word never see its values in the other order. Allowed: 0/0, 0/1, 1/1.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 0)
t = thread()
parallel
store(x, 1, 1)
[t] r1 = load(x, 1)
[t] r2 = load(x, 1)
end
never r1 == 1 && r2 == 0
