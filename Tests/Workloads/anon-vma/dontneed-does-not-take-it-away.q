# After DONTNEED nothing is resident, and still the area's anon_vma keeps it from joining one with another.
a = mmap(0x100000000000, 32K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(a+64K, 32K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 32K)
touch_write(b, 32K)
madvise(a, 32K, MADV_DONTNEED)
madvise(b, 32K, MADV_DONTNEED)
mmap(a+32K, 32K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
