# A file area may grow beyond its file; pages there are SIGBUS until the file is larger.
fd = memfd_create("m", 0)
ftruncate(fd, 64K)
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_FIXED, fd, 0)
mremap(a, 64K, 128K, 0)
load(a+60K, 1)
load(a+64K, 1)
ftruncate(fd, 68K)
load(a+64K, 1)
