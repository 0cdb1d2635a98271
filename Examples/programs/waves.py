"""Waves of allocation: small blocks and a few large ones; drop half, drop all; a snapshot at each step."""
import os, signal

def snap(label):
    with open(os.environ["QUIRE_RECORD_LABELS"], "a") as f:
        f.write(label + "\n")
    os.kill(os.getpid(), signal.SIGSTOP)

snap("start")
for wave in range(2):
    small = [bytearray(3000 + 97 * (i % 61)) for i in range(4000)]
    large = [bytearray(10_000_000) for i in range(6)]
    snap(f"wave{wave}_full")
    del small[::2], large[::2]
    snap(f"wave{wave}_half")
    del small, large
    snap(f"wave{wave}_freed")
