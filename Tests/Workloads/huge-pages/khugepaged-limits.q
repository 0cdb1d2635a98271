# khugepaged: its limits to the page.
# requires: thp, root
# machine: /sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none=100
# machine: /sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_shared=16
# machine: /sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_swap=0
a = mmap(0x100000000000, 32M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 1648K)
touch_write(a+2M, 1644K)
touch_write(a+4M, 1648K)
touch_read(a+4M+1648K, 400K)
touch_write(a+6M, 1644K)
touch_read(a+6M+1644K, 404K)
touch_write(a+8M, 2M)
touch_write(a+10M, 2M)
touch_write(a+12M, 2M)
madvise(a+12M, 4K, MADV_GUARD_INSTALL)
madvise(a+8M, 2M, MADV_DONTFORK)
c = fork()
[c] munmap(a+10M+64K, 1984K)
madvise(a, 32M, MADV_HUGEPAGE)
madvise(a+8M, 2M, MADV_DOFORK)
run(khugepaged, 1)
snapshot("after")
[c] munmap(a+10M, 4K)
[c] exit(0)
run(khugepaged, 1)
snapshot("after2")
