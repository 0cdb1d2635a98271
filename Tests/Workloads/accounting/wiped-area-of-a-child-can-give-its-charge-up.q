# WIPEONFORK: the child's area has no anon_vma, so that read-only uncharges it; the parent's has one.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
madvise(a, 64K, MADV_WIPEONFORK)
c = fork()
mprotect(a, 64K, PROT_READ)
[c] mprotect(a, 64K, PROT_READ)
