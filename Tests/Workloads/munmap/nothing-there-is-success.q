# A range without any area: 0, and nothing happens.
munmap(0x100000000000, 64K)
munmap(0x100000000000+1M, 8T)
