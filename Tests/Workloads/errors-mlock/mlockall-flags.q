# No flags, unknown flags, MCL_ONFAULT alone: EINVAL.
mlockall(0)
mlockall(8)
mlockall(MCL_ONFAULT)
mlockall(MCL_CURRENT|8)
mlockall(MCL_FUTURE|MCL_ONFAULT)
munlockall()
