# A file's area beside its continuation: moved to fit in the file, it merges.
fd = memfd_create("m", 0)
ftruncate(fd, 128K)
pwrite64(fd, "wxyz", 4, 64K)
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
b = mmap(0x100000000000+1M, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 64K)
touch_write(a, 4K)
mremap(b, 64K, 64K, MREMAP_MAYMOVE|MREMAP_FIXED, a+64K)
load(a+64K, 4)
