# The heap grows by areas that merge, shrinks by unmapping; the result is the new end.
b = brk(NULL)
brk(b+64K)
touch_write(b, 64K)
brk(b+128K)
brk(b+32K)
brk(b+32K+1)
brk(b)
