# Huge pages of zeroes, split when caches are dropped.
# requires: thp, root
# machine: /sys/kernel/mm/transparent_hugepage/shrink_underused=1
# machine: /sys/kernel/mm/transparent_hugepage/khugepaged/max_ptes_none=409
a = mmap(0x100000000000, 32M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a+16M, 408K)
touch_write(a+18M, 412K)
madvise(a, 32M, MADV_HUGEPAGE)
store(a, 408K, 1)
store(a+2M, 412K, 1)
load(a+4M, 4)
store(a+6M, 408K, 1)
store(a+8M, 8K, 1)
mlock(a+8M, 2M)
store(a+10M, 8K, 1)
mprotect(a+10M, 4K, PROT_READ)
write_sys("/proc/sys/vm/drop_caches", "2")
snapshot("a")
store(a+6M+408K, 4K, 1)
store(a+6M+408K, 4K, 0)
run(khugepaged, 1)
snapshot("b")
write_sys("/proc/sys/vm/drop_caches", "2")
snapshot("c")
