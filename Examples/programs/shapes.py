#!/usr/bin/env python3
"""Writes shapes of programs as workloads: shapes.py fork-server|churn|random-touch|page-by-page|lazily-free > FILE.q"""
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


def blocks(seed, rounds):
    """Blocks of 2 MB out of 256 MB that a program takes and, in other rounds, gives back; at the end all are given back."""
    r = random.Random(seed)
    live = []
    for _ in range(rounds):
        if len(live) < 16 or r.random() < 0.5 and len(live) < 96:
            block = r.randrange(128)
            if block not in live:
                live.append(block)
                yield True, block, r
        else:
            yield False, live.pop(r.randrange(len(live))), r
    for block in live:
        yield False, block, r


def page_by_page():
    """An allocator that takes 2 MB at once and gives them back page by page, in any order: no call covers a table."""
    yield f"a = mmap(0x100000000000, 256M, {A}"
    for takes, block, r in blocks(1, 300):
        if takes:
            yield f"touch_write(a+{block * 2}M, 2M)"
            continue
        pages = list(range(512))
        r.shuffle(pages)
        for page in pages:
            yield f"madvise(a+{block * 2048 + page * 4}K, 4K, MADV_DONTNEED)"
    yield 'snapshot("end")'


def lazily_free():
    """The same by one MADV_FREE of each block, many more times over."""
    yield f"a = mmap(0x100000000000, 256M, {A}"
    for takes, block, _ in blocks(2, 4000):
        yield f"touch_write(a+{block * 2}M, 2M)" if takes else f"madvise(a+{block * 2}M, 2M, MADV_FREE)"
    yield 'snapshot("end")'


SHAPES = {
    "fork-server": fork_server, "churn": churn, "random-touch": random_touch, "page-by-page": page_by_page,
    "lazily-free": lazily_free,
}
if len(sys.argv) != 2 or sys.argv[1] not in SHAPES:
    sys.exit(__doc__)
print("\n".join(SHAPES[sys.argv[1]]()))
