# One page written: the anon_vma keeps the charge, for the whole area.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a+32K, 1)
mprotect(a, 64K, PROT_READ)
snapshot("read-only")
madvise(a, 64K, MADV_DONTNEED)
mprotect(a, 64K, PROT_NONE)
mprotect(a, 64K, PROT_READ)
