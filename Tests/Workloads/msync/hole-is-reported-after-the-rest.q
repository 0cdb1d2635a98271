# The areas behind a hole are synchronised too; ENOMEM comes at the end, unless a locked area says EBUSY first.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
b = mmap(a+128K, 64K, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
msync(a, 192K, MS_SYNC)
msync(a+96K, 64K, MS_ASYNC)
mlock(b, 4K)
msync(a, 192K, MS_SYNC|MS_INVALIDATE)
