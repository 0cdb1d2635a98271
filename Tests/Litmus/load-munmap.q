# Two loads against munmap: the byte, or a fault; after a fault no byte. Allowed: 7/7, 7/SIGSEGV, SIGSEGV/SIGSEGV.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
t = thread()
parallel
munmap(x, 4K)
[t] r1 = load(x, 1)
[t] r2 = load(x, 1)
end
r3 = load(x, 1)
expect (r1 == 7 || r1 == SIGSEGV) && (r2 == 7 || r2 == SIGSEGV)
never r1 == SIGSEGV && r2 == 7
expect r3 == SIGSEGV
