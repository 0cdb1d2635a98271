# The heap is an ordinary area: mprotect splits it, growth then begins another.
b = brk(NULL)
brk(b+16K)
touch_write(b, 16K)
mprotect(b, 16K, PROT_READ)
brk(b+32K)
touch_write(b+16K, 4K)
