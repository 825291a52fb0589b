"""Kills workers on a table of a folder at random times, and looks at the table with
pyiceberg after each: every object shows one version, whole, and never an older one.

    SLUICE=path table_kills.py [KILLS] [SEED]
"""

import collections
import json
import os
import random
import subprocess
import sys
import tempfile
import time

from pyiceberg.table import StaticTable

SLUICE = os.environ["SLUICE"]
KILLS, SEED = int((sys.argv[1:] or [100])[0]), int((sys.argv[2:] or [time.time_ns()])[0])
WORKERS, OBJECTS = 3, 12
MAPPING = """table: t
columns:
  - {name: object, path: $.object, type: int64, required: true}
  - {name: version, path: $.version, type: int64, required: true}
  - {name: n, path: $.n, type: int64, required: true}
"""


def rows_of(o, version):
    """How many rows a version has; some have none."""
    return random.Random(f"{SEED}/{o}/{version}").choice([0, 1, 5, 40, 400])


class Lake:
    def __init__(self, folder):
        self.folder = folder
        self.versions = [0] * OBJECTS  # the newest that was written
        self.shown = [0] * OBJECTS     # the newest that was seen
        os.makedirs(os.path.join(folder, "lake", "raw_orders_data"))
        with open(os.path.join(folder, "m.yaml"), "w") as f:
            f.write(MAPPING)

    def write(self, o):
        self.versions[o] += 1
        version = self.versions[o]
        name = os.path.join(self.folder, "lake", "raw_orders_data", f"{o:02}.json")
        with open(name + ".part", "w") as f:
            json.dump([{"object": o, "version": version, "n": n} for n in range(rows_of(o, version))], f)
        os.rename(name + ".part", os.path.join(self.folder, "next"))
        os.rename(os.path.join(self.folder, "next"), name)

    def start(self):
        return subprocess.Popen([SLUICE, "run", "--lake", "lake", "--table", "-m", "m.yaml", "--report", "json"],
                                cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def check(self, end=False):
        """Reads the newest state, as any reader does."""
        folder = os.path.join(self.folder, "lake", "orders_data_parquet", "t", "metadata")
        states = [int(name[1:-len(".metadata.json")]) for name in (os.listdir(folder) if os.path.isdir(folder) else []) if name.endswith(".metadata.json")]
        if not states:
            return 0
        table = StaticTable.from_metadata(os.path.join(folder, f"v{max(states)}.metadata.json"))
        rows = table.scan(selected_fields=("object", "version", "n")).to_arrow().to_pylist()
        found = collections.defaultdict(list)
        for r in rows:
            found[r["object"]].append((r["version"], r["n"]))
        for o in range(OBJECTS):
            shown = {v for v, _ in found[o]}
            assert len(shown) <= 1, f"object {o} shows the versions {shown}"
            version = shown.pop() if shown else next((v for v in range(self.shown[o], self.versions[o] + 1) if v == 0 or rows_of(o, v) == 0), None)
            assert version is not None and self.shown[o] <= version <= self.versions[o], f"object {o} shows {version} after {self.shown[o]}"
            want = [(version, n) for n in range(rows_of(o, version))] if version else []
            assert sorted(found[o]) == want, f"object {o} shows {len(found[o])} of {len(want)} rows of version {version}"
            self.shown[o] = version
            if end:
                assert len(found[o]) == rows_of(o, self.versions[o]) and (not want or version == self.versions[o]), f"in the end object {o} shows {version} of {self.versions[o]}"
        return max(states)


def main():
    print(f"seed {SEED}", flush=True)
    r = random.Random(SEED)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(folder)
        for o in range(OBJECTS):
            lake.write(o)
        began = time.monotonic()
        first = lake.start()
        assert first.wait() == 0, first.stderr.read().decode()
        usual = time.monotonic() - began
        workers, ended = [], 0
        for kill in range(KILLS):
            for o in r.sample(range(OBJECTS), 4):
                lake.write(o)
            for w in [w for w in workers if w.poll() is not None]:
                workers.remove(w)
                ended += 1
            while len(workers) < WORKERS:
                workers.append(lake.start())
            time.sleep(r.uniform(0, usual * 1.5))
            victims = r.sample(workers, r.choice([1, 1, 2, 3]))
            for w in victims:
                w.kill()  # SIGKILL
                w.wait()
                workers.remove(w)
            states = lake.check()
            if kill % 20 == 19:
                print(f"{kill + 1} kills, {states} states, {ended} workers came to their end, {time.monotonic() - began:.0f} s", flush=True)
        for w in workers:
            w.wait()
        last = lake.start()
        out, err = last.communicate()
        assert last.returncode == 0, err.decode()
        states = lake.check(end=True)
        print(f"{KILLS} kills, {states} states of the table, {ended} workers came to their end: every object once, in its newest version")


main()
