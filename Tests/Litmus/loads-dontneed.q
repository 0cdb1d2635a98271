# Two loads against MADV_DONTNEED: once the page was seen to be gone, it stays so. Allowed: 7/7, 7/0, 0/0.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
t = thread()
parallel
madvise(x, 4K, MADV_DONTNEED)
[t] r1 = load(x, 1)
[t] r2 = load(x, 1)
end
never r1 == 0 && r2 == 7
expect (r1 == 7 || r1 == 0) && (r2 == 7 || r2 == 0)
