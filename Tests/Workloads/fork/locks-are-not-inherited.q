# The child's area is not locked and not in its VmLck; MCL_FUTURE is not inherited either.
mlockall(MCL_FUTURE)
a = mmap(0x100000000000, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
c = fork()
[c] mmap(a+1M, 64K, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
[c] munlock(a, 64K)
