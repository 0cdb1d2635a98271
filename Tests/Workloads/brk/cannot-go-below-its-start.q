# Below the start, or where something is in the way: the old end comes back, nothing changes.
b = brk(NULL)
brk(b+8K)
brk(b-4K)
brk(1)
brk(0xffffffffffffffff)
brk(0)
