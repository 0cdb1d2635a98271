#!/usr/bin/env python3
"""Writes three shapes of programs as workloads for `quire folios`: shapes.py fork-server|churn|random-touch > FILE.q"""
import random
import sys

A = "PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED, -1, 0)"


def fork_server():
    """A server of 16 MB forks 40 times; child and parent write a part each, the child exits."""
    yield f"a = mmap(0x100000000000, 16M, {A}"
    yield "store(a, 16M, 1)"
    for i in range(40):
        yield f"c{i} = fork()"
        yield f"[c{i}] store(a+{i * 256}K, 64K, 2)"
        yield f"store(a+{i * 128}K, 192K, 3)"
        yield f"[c{i}] exit(0)"
        yield "store(a, 2M, 4)"


def churn():
    """An allocator takes runs of 4 to 128 pages from 64 MB and gives them back by MADV_DONTNEED or MADV_FREE."""
    r = random.Random(1)
    yield f"a = mmap(0x100000000000, 64M, {A}"
    live = []
    for _ in range(2000):
        if len(live) < 150 or r.random() < 0.4:
            pages = r.choice([4, 8, 16, 32, 64, 128])
            at = r.randrange(0, 16384 - pages)
            live.append((at, pages))
            yield f"store(a+{at * 4}K, {pages * 4}K, 1)"
        else:
            at, pages = live.pop(r.randrange(len(live)))
            yield f"madvise(a+{at * 4}K, {pages * 4}K, {r.choice(['MADV_DONTNEED', 'MADV_FREE'])})"


def random_touch():
    """20,000 reads and writes of single pages of 256 MB, half of them in 16 MB."""
    r = random.Random(2)
    yield f"a = mmap(0x100000000000, 256M, {A}"
    for _ in range(20000):
        page = r.randrange(4096) if r.random() < 0.5 else r.randrange(65536)
        yield f"{r.choice(['touch_write', 'touch_write', 'touch_read'])}(a+{page * 4}K, 4K)"


SHAPES = {"fork-server": fork_server, "churn": churn, "random-touch": random_touch}
if len(sys.argv) != 2 or sys.argv[1] not in SHAPES:
    sys.exit(__doc__)
print("\n".join(SHAPES[sys.argv[1]]()))
