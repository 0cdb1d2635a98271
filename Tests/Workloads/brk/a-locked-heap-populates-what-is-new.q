# With MCL_FUTURE the pages behind the old end are populated, not the one that the old end lies in.
brk(0x180000001400)
mlockall(MCL_FUTURE)
brk(0x180000004000)
