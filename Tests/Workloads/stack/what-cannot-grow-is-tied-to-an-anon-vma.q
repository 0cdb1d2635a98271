# A fault that is too far below a stack to make it grow still ties it to an anon_vma: it keeps its charge.
mmap(0x100020000000, 4K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_GROWSDOWN|MAP_FIXED, -1, 0)
store(0x100000000000, 1, 1)
mprotect(0x100020000000, 4K, PROT_NONE)
