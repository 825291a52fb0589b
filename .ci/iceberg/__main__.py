"""Iceberg tables of sluice, read by engines nobody here wrote, also after those have
rewritten them. Arguments name checks: only these run."""

import contextlib
import os
import pathlib
import random
import sys
import tempfile
import time

os.environ["TZ"] = "UTC"
time.tzset()
sys.path.append(str(pathlib.Path(__file__).parent.parent / "readers"))

import commanded
import compacting
import reading
import shapes
from cells import counts
from lake import Lake
from scanners import ENGINES


def check_written(engines, lake):
    """Also snapshots before the last: they show what they showed."""
    for table in shapes.everything(random.Random(1), lake):
        history = table.name.startswith("history")
        reading.read(engines, table, most=150 if table.name == "types" else 12 if history else 50)
        if history:
            for snapshot in list(table.snapshots)[-20::9]:
                reading.read(engines, table, snapshot, most=0)


CHECKS = [check_written, compacting.check_compaction, compacting.check_encodings, commanded.check_commanded, commanded.check_divided, commanded.check_added, commanded.check_demo, commanded.check_beside]


def main():
    with contextlib.ExitStack() as stack:
        memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # each commit waits for the disk
        lake = Lake(stack.enter_context(tempfile.TemporaryDirectory(dir=memory)))
        stack.callback(lake.close)
        engines = []
        for make in ENGINES:
            engines.append(make(lake))
            stack.callback(engines[-1].close) if hasattr(engines[-1], "close") else None
        print(", ".join(f"{engine.name} {engine.version}" for engine in engines), flush=True)
        for check in [check for check in CHECKS if check.__name__ in sys.argv[1:] or not sys.argv[1:]]:
            start = time.monotonic()
            check(engines, lake)
            slowest = ", ".join(f"{name} {s:.1f}" for name, s in reading.seconds.most_common())
            print(f"{check.__name__}: {time.monotonic() - start:.1f} s ({slowest})", flush=True)
            reading.seconds.clear()
    for what, number in sorted(counts.items()):
        print(f"{what}: {number}")


if __name__ == "__main__":
    main()
