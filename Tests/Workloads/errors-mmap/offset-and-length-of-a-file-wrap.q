# The end in the file must be a page number: EOVERFLOW where it wraps.
fd = memfd_create("m", 0)
ftruncate(fd, 64K)
mmap(0x100000000000, 8K, PROT_READ, MAP_SHARED|MAP_FIXED, fd, 0xfffffffffffff000)
mmap(0x100000000000, 4K, PROT_READ, MAP_SHARED|MAP_FIXED, fd, 0xfffffffffffff000)
mmap(0x100000000000, 8K, PROT_READ, MAP_SHARED|MAP_FIXED, fd, 0x7ffffffffffff000)
mmap(0x100000000000, 4K, PROT_READ, MAP_SHARED|MAP_FIXED, fd, 0x7fffffffffffe000)
mmap(0x100000000000, 0, PROT_READ, MAP_SHARED|MAP_FIXED, fd, 1)
