# Pinning counts as use of the folio, not of the entry: after fork the child's entries are old, and khugepaged still finds its memory in use, for the pages that it shares with the parent were pinned once, if only for a moment.
# requires: thp
a = mmap(0x100000000000, 2M, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)
touch_write(a + 1M, 4K)
gup(a + 1532K, 1M, FOLL_WRITE|FOLL_LONGTERM)
madvise(a, 2M, MADV_HUGEPAGE)
c = fork()
run(khugepaged, 1)
snapshot("scanned")
