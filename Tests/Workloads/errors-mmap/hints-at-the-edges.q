# Hints that cannot be followed: the kernel chooses; only what is too long is an error.
mmap(0x7ffffffff000, 4K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
mmap(0x800000000000, 4K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
mmap(0x100000000000000, 4K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
mmap(0xfffffffffffff000, 4K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
mmap(0xffffffffffffffff, 4K, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
mmap(0xfffffffffffff000, 0x7ffffffff001, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
mmap(1, 0x100000000000000, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0)
