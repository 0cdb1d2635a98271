# Read-only private mappings are not charged; a private file's is when it may be written; shared areas never.
fd = memfd_create("m", 0)
ftruncate(fd, 64K)
a = mmap(0x100000000000, 64K, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(0x100000000000+1M, 64K, PROT_READ, MAP_PRIVATE|MAP_FIXED, fd, 0)
c = mmap(0x100000000000+2M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_FIXED, fd, 0)
d = mmap(0x100000000000+3M, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mprotect(a, 32K, PROT_READ|PROT_WRITE)
mprotect(b, 32K, PROT_READ|PROT_WRITE)
