# MADV_DONTNEED against munmap of the same page: ENOMEM once it is gone, and it never comes back. Allowed: done, ENOMEM.
x = mmap(0x100000000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(x, 1, 7)
t = thread()
parallel
munmap(x, 4K)
[t] r1 = madvise(x, 4K, MADV_DONTNEED)
[t] r2 = madvise(x, 4K, MADV_DONTNEED)
end
r3 = load(x, 1)
expect (r1 == 0 || r1 == ENOMEM) && (r2 == 0 || r2 == ENOMEM)
never r1 == ENOMEM && r2 == 0
expect r3 == SIGSEGV
