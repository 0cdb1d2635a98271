# quire conform: seed-19, shrunk from 178 operations
# line 2 msync: result: model none | reference 0
# machine: /sys/kernel/mm/transparent_hugepage/enabled=never
mmap(0x10000028c000, 0x1000, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS, -1, 0x0)
msync(0x100000200000, 0x200000, MS_ASYNC)
