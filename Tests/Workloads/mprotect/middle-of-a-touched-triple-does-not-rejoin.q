# R, then RW in the middle, a write, R again: its anon_vma and its charge keep three areas; RW for all joins them.
a = mmap(0x100000000000, 48K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+16K, 16K, PROT_READ|PROT_WRITE)
touch_write(a+16K, 4K)
mprotect(a+16K, 16K, PROT_READ)
snapshot("three")
touch_read(a, 48K)
mprotect(a, 48K, PROT_READ|PROT_WRITE)
