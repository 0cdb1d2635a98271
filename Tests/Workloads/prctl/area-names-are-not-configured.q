# PR_SET_VMA_ANON_NAME in a kernel without it: EINVAL, whatever the arguments.
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, a, 64K, "name")
prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, a+1, 64K, "name")
prctl(PR_SET_VMA, 1, a, 64K, "name")
