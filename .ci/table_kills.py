"""Kills workers on one table at random times, while objects are overwritten and deleted.
After each round pyiceberg and DuckDB read the newest snapshot: every object shows one
version, whole, and never an older one than before.

    SLUICE=path table_kills.py folder|s3 direct|staged ROUNDS [SEED]

In a round one or two of three workers are killed, and one is stopped until the middle of the next
round, so that it goes on with what it read long before. staged: the workers only stage what
they convert, and a committer makes it visible, which is killed in every second round, too.
s3 is a bucket of versitygw, and needs SLUICE_VERSITYGW.
"""

import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import pyarrow.fs
from pyiceberg.table import StaticTable

sys.path.append(str(pathlib.Path(__file__).parent / "iceberg"))

import versitygw
from extensions import connect

SLUICE = os.environ["SLUICE"]
WORKERS, OBJECTS = 3, 12
COLUMNS = ("object", "version", "n")
MAPPING = "table: t\ncolumns:\n" + "".join(f"  - {{name: {c}, path: $.{c}, type: int64, required: true}}\n" for c in COLUMNS)
CONFIG = "table: {format: iceberg, commit: %s}\non_delete: remove\n"


class Folder:
    """Where objects and tables are, and how others read them."""

    def __init__(self, folder):
        self.files, self.root, self.scheme, self.config = pyarrow.fs.LocalFileSystem(), folder, "", ""
        self.environment = {"PATH": os.environ["PATH"], "HOME": folder}
        self.properties = {}
        self.db = connect("avro", "iceberg")
        os.mkdir(os.path.join(folder, "raw_orders_data"))

    def put(self, key, content):
        path = os.path.join(self.root, key)
        with open(path + ".part", "wb") as f:  # not in the source: its name does not end in .json
            f.write(content)
        os.rename(path + ".part", path)


class S3:
    def __init__(self, folder, stack):
        child, endpoint = versitygw.server(folder)
        stack.callback(child.wait)
        stack.callback(child.kill)
        os.environ["AWS_REQUEST_CHECKSUM_CALCULATION"] = "when_required"  # versitygw refuses some of the other uploads of pyarrow
        self.root, self.scheme = "kills", "s3://"
        self.environment = versitygw.environment(folder)
        self.config = f"s3: {{endpoint: {endpoint}, region: {versitygw.REGION}, path_style: true}}\n"
        self.files = pyarrow.fs.S3FileSystem(access_key=versitygw.ACCESS, secret_key=versitygw.SECRET, region=versitygw.REGION, endpoint_override=endpoint,
                                             allow_bucket_creation=True, allow_delayed_open=True)
        self.files.create_dir(self.root)
        self.properties = {"s3.endpoint": endpoint, "s3.access-key-id": versitygw.ACCESS, "s3.secret-access-key": versitygw.SECRET, "s3.region": versitygw.REGION}
        self.db = connect("avro", "iceberg", "httpfs")
        self.db.execute(f"SET s3_endpoint='{endpoint.removeprefix('http://')}'; SET s3_use_ssl=false; SET s3_url_style='path'; SET s3_region='{versitygw.REGION}'; "
                        f"SET s3_access_key_id='{versitygw.ACCESS}'; SET s3_secret_access_key='{versitygw.SECRET}'")

    def put(self, key, content):
        with self.files.open_output_stream(f"{self.root}/{key}") as f:
            f.write(content)


class Lake:
    def __init__(self, store, folder, commit, seed):
        self.store, self.folder, self.seed = store, folder, seed
        self.versions = [0] * OBJECTS  # the newest that was written
        self.shown = [0] * OBJECTS     # the newest that was seen
        self.at = store.scheme + store.root
        pathlib.Path(folder, "m.yaml").write_text(MAPPING)
        pathlib.Path(folder, "sluice.yaml").write_text(f"source: {self.at}/raw_orders_data/\nmapping: m.yaml\n{CONFIG % commit}{store.config}")

    def rows_of(self, o, version):
        """How many rows a version has; None: it is a deletion."""
        return random.Random(f"{self.seed}/{o}/{version}").choice([None, 0, 1, 5, 40, 400, 400]) if version else None

    def write(self, o):
        version = self.versions[o] = self.versions[o] + 1
        key, rows = f"raw_orders_data/{o:02}.json", self.rows_of(o, version)
        if rows is not None:
            self.store.put(key, json.dumps([{"object": o, "version": version, "n": n} for n in range(rows)]).encode())
        elif self.rows_of(o, version - 1) is not None:
            self.store.files.delete_file(f"{self.store.root}/{key}")

    def start(self, *command):
        return subprocess.Popen([SLUICE, *command, "-c", "sluice.yaml", "--report", "json"], cwd=self.folder, env=self.store.environment,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def staged(self):
        """How many batches wait for a commit."""
        at = pyarrow.fs.FileSelector(f"{self.store.root}/ledger", allow_not_found=True, recursive=True)
        return sum("/staged/" in f.path and f.is_file for f in self.store.files.get_file_info(at))

    def read(self):
        """The number of the newest state, and its rows. Two readers give the same."""
        folder = pyarrow.fs.FileSelector(f"{self.store.root}/orders_data_parquet/t/metadata", allow_not_found=True)
        states = [int(name[1:-len(".metadata.json")]) for f in self.store.files.get_file_info(folder) if (name := f.base_name).endswith(".metadata.json")]
        if not states:
            return 0, []
        uri = f"{self.at}/orders_data_parquet/t/metadata/v{max(states)}.metadata.json"
        table = StaticTable.from_metadata(uri, self.store.properties)
        rows = sorted(zip(*(c.to_pylist() for c in table.scan(selected_fields=COLUMNS).to_arrow().select(COLUMNS).columns)))
        duck = sorted(self.store.db.execute(f"SELECT {', '.join(COLUMNS)} FROM iceberg_scan('{uri}')").fetchall())
        assert duck == rows, f"of state {max(states)} DuckDB reads {len(duck)} rows, pyiceberg {len(rows)}"
        return max(states), rows

    def check(self):
        states, rows = self.read()
        found = collections.defaultdict(list)
        for o, version, n in rows:
            found[o].append((version, n))
        for o in range(OBJECTS):
            versions = {v for v, _ in found[o]}
            assert len(versions) <= 1, f"object {o} shows the versions {versions}"
            # Without rows, it is the oldest version that has none.
            version = next(iter(versions)) if versions else next((v for v in range(self.shown[o], self.versions[o] + 1) if not self.rows_of(o, v)), None)
            assert version is not None and self.shown[o] <= version <= self.versions[o], f"object {o} shows {version or 'no rows'} after {self.shown[o]}"
            want = [(version, n) for n in range(self.rows_of(o, version) or 0)]
            assert found[o] == want, f"object {o} shows {len(found[o])} of {len(want)} rows of version {version}"
            self.shown[o] = version
        return states

    def check_end(self):
        states = self.check()
        for o in range(OBJECTS):
            rows, want = self.rows_of(o, self.shown[o]), self.rows_of(o, self.versions[o])
            assert not rows and not want or self.shown[o] == self.versions[o], f"in the end object {o} shows {self.shown[o]} of {self.versions[o]}"
        return states


def ended(worker):
    """A worker that was not killed found nothing wrong."""
    assert worker.wait() == 0, worker.stderr.read().decode()


def main(kind, commit, rounds, seed):
    print(f"{kind}, {commit}, seed {seed}", flush=True)
    r = random.Random(seed)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        lake = Lake(Folder(folder) if kind == "folder" else S3(folder, stack), folder, commit, seed)
        for o in range(OBJECTS):
            lake.write(o)
        began = time.monotonic()
        ended(lake.start("run"))
        usual = time.monotonic() - began
        workers, committer, paused, kills, committers, whole, waited = [], None, None, 0, 0, 0, 0
        for done in range(1, rounds + 1):
            for o in r.sample(range(OBJECTS), 4):
                lake.write(o)
            for w in [w for w in workers if w.poll() is not None]:
                ended(w)
                workers.remove(w)
                whole += 1
            while len(workers) < WORKERS:
                workers.append(lake.start("run"))
            if committer and committer.poll() is not None:
                ended(committer)
                committer = None
            if commit == "staged" and not committer:
                committer = lake.start("table", "commit", *r.choice([[], ["--watch"]]))
            time.sleep(r.uniform(0, usual * 0.75))
            if paused:
                paused.send_signal(signal.SIGCONT)
            paused = r.choice([w for w in workers if w is not paused])
            paused.send_signal(signal.SIGSTOP)
            time.sleep(r.uniform(0, usual * 0.75))
            for w in r.sample([w for w in workers if w is not paused], r.choice([1, 1, 2])):
                w.kill()  # SIGKILL
                kills += w.wait() < 0
                workers.remove(w)
            if committer and r.random() < 0.5:
                committer.kill()
                committers += committer.wait() < 0
                committer = None
            waited += commit == "staged" and lake.staged() > 0
            states = lake.check()
            if done % 50 == 0:
                print(f"{done} rounds, {kills} workers killed, {whole} came to their end, {states} states, {time.monotonic() - began:.0f} s", flush=True)
        if paused:
            paused.send_signal(signal.SIGCONT)
        for w in workers:
            ended(w)
        if committer:
            committer.send_signal(signal.SIGINT)
            committer.wait()
        ended(lake.start("run"))
        if commit == "staged":
            assert committers and waited, "no committer was killed, or nothing was ever staged"
            ended(lake.start("table", "commit"))
            assert not lake.staged(), f"{lake.staged()} batches are still staged"
        print(f"{kind}, {commit}: {rounds} rounds, {kills} workers and {committers} committers killed, {lake.check_end()} states of the table: "
              "every object once, in its newest version")


main(*sys.argv[1:3], int(sys.argv[3]), int((sys.argv[4:] or [time.time_ns()])[0]))
