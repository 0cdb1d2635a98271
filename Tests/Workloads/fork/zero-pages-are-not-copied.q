# An area that was only read has no anon_vma: the child gets no tables for it, and reads again.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_read(a, 4M)
c = fork()
snapshot("child")
[c] touch_read(a, 4K)
