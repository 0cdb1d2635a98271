# 4 MiB from span to span: the tables go along, VmPTE stays; from the middle of a span new ones are needed.
a = mmap(0x100000000000, 4M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 4M)
b = mremap(a, 4M, 4M, MREMAP_MAYMOVE|MREMAP_FIXED, a+64M)
snapshot("aligned")
c = mremap(b, 4M, 4M, MREMAP_MAYMOVE|MREMAP_FIXED, a+128M+4K)
