# Neighbours with the same rights that stay two, and why.
a = mmap(0x100000000000, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(a+32K, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 4K)
touch_write(b, 4K)
mmap(a+16K, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
madvise(a+8K, 8K, MADV_DONTFORK)
# A moved area keeps the page offset of where it was.
mremap(b, 16K, 16K, MREMAP_MAYMOVE|MREMAP_FIXED, a+64K)
mmap(a+80K, 16K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
# Files: the second mapping goes on elsewhere in the file, the third is another file.
fd = memfd_create("one", 0)
ftruncate(fd, 64K)
other = memfd_create("two", 0)
ftruncate(other, 64K)
m = mmap(0x100000100000, 16K, PROT_READ, MAP_SHARED|MAP_FIXED, fd, 0)
mmap(m+16K, 16K, PROT_READ, MAP_SHARED|MAP_FIXED, fd, 16K)
mmap(m+32K, 16K, PROT_READ, MAP_SHARED|MAP_FIXED, fd, 16K)
mmap(m+48K, 16K, PROT_READ, MAP_SHARED|MAP_FIXED, other, 16K)
