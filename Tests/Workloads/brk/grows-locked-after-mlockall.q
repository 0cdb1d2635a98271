# MCL_FUTURE: what brk adds is locked and populated.
b = brk(NULL)
brk(b+8K)
mlockall(MCL_FUTURE)
brk(b+32K)
snapshot("locked")
munlockall()
brk(b+40K)
