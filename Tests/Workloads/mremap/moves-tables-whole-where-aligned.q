# 2 MiB from a table's start to a table's start: pages and VmPTE as before.
a = mmap(0x100000000000, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 2M)
b = mremap(a, 2M, 2M, MREMAP_MAYMOVE|MREMAP_FIXED, a+16M)
load(b+2M-1, 1)
