# S3-06: a read maps the zero page and makes no anon_vma: the middle is uncharged and joins.
a = mmap(0x100000000000, 12K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a+4K, 4K, PROT_READ|PROT_WRITE)
load(a+4K, 1)
mprotect(a+4K, 4K, PROT_READ)
