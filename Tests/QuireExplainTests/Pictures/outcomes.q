# Errors and signals are outcomes; what they left behind is drawn.
a = mmap(0x100000000000, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
mmap(a+128K, 64K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
store(a, 1, 1)
load(a+64K, 1)
load(a, 4)
mprotect(a, 4097, 0x100)
# Stops at the hole: the first part is changed.
mprotect(a+32K, 64K, PROT_READ|PROT_WRITE)
touch_write(a+48K, 64K)
snapshot("end")
