# VM_ACCOUNT goes with the right to write if there is no anon_vma, and comes back with it.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a, 64K, PROT_READ)
snapshot("read-only")
mprotect(a, 64K, PROT_READ|PROT_WRITE)
snapshot("writable")
mprotect(a, 64K, PROT_NONE)
