# The end need not be a page's: areas change only where a page begins or ends.
b = brk(NULL)
brk(b+1)
brk(b+4096)
store(b+4095, 1, 7)
brk(b+4097)
brk(b+5)
load(b+4095, 1)
load(b+4096, 1)
