# Below the start and beyond the address space: the present end comes back, nothing changes.
b = brk(NULL)
brk(b+8K)
brk(b-4K)
brk(1)
brk(0xffffffffffffffff)
brk(0x7ffffffff000)
brk(0)
