# ENOMEM at the hole; the area before it has the new rights, the one behind it the old ones.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mmap(a+128K, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a, 64K)
mprotect(a+32K, 128K, PROT_READ)
store(a+32K, 1, 1)
store(a+128K, 1, 1)
