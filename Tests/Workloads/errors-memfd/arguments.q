# Unknown flags, both kinds of EXEC, hugetlb without a pool, and numbers of descriptors in order.
memfd_create("m", 0x20)
memfd_create("m", MFD_NOEXEC_SEAL|MFD_EXEC)
memfd_create("m", MFD_CLOEXEC|MFD_ALLOW_SEALING)
memfd_create("m", MFD_CLOEXEC|0x80)
memfd_create("", 0)
close(3)
memfd_create("again", 0)
