"""Splits one large NDJSON object over several processes that are killed at random, and
compares the tables with those of one process that is not.

    SLUICE=path split_kills.py MB [SEED]

Records are on one line each, but for some that go over several lines, whose lines look
like records, and some that do not fit.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time

SLUICE = os.environ["SLUICE"]
PROCESSES, PART = 3, 64 << 20
KEY = "raw_orders_data/huge.ndjson"
MAPPING = """tables:
- table: orders
  columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: day, path: $.day, type: date}
  - {name: total, path: $.total, type: "decimal(18,4)"}
- table: lines
  explode: $.lines[*]
  when_empty: skip
  columns:
  - {name: id, path: $.id, type: int64, required: true}
  - {name: sku, path: "$.lines[*].sku", type: string}
  - {name: price, path: "$.lines[*].price", type: "decimal(18,2)"}
"""


def generate(path, size, part, r):
    """Writes records until there are size bytes; line ends fall on and beside the cuts. What
    follows the id is one of a few thousand texts, since Python makes 30 MB of JSON a second.
    """
    texts = []
    for n in range(5000):
        lines = [{"sku": f"A-{r.randrange(5000)}", "price": f"{r.randrange(100000) / 100:.2f}"} for _ in range(r.randrange(4))]
        record = {"day": f"2026-01-{1 + n % 28:02}", "total": r.randrange(10**8) / 1000, "note": "x\n{\"id\":1}\n" * r.randrange(3), "lines": lines}
        texts.append(", " + json.dumps(record)[1:])
    n = 0
    with open(path, "wb", buffering=1 << 20) as f:
        at = 0
        while at < size:
            block = []
            for text in r.choices(texts, k=500):
                n += 1
                if n % 500 == 3:
                    text = text.replace("}, {", "},\n{")
                block.append(f'{{"id": {n}{text}' if n % 1000 != 17 else f'{{"id": "no number"{text}')
            at += f.write(("\n" if n % 1000 else "\r\n").join(block).encode() + b"\n")
            left = part - at % part
            if left < 200_000:  # the next record begins on the cut, or a byte beside it
                at += f.write(b" " * (left + r.choice([-1, 0, 1]) - 1) + b"\n")


def command(folder, *words):
    return [SLUICE, *words, "--lake", str(folder), "--table", "-m", "m.yaml", "--report", "json"]


def result(done):
    assert done.returncode in (0, 3), done.stderr
    return json.loads(done.stdout)


def main(mb, seed):
    r = random.Random(seed)
    with tempfile.TemporaryDirectory() as temp:
        os.chdir(temp)
        pathlib.Path("m.yaml").write_text(MAPPING)
        for lake in ("one", "parts"):
            os.makedirs(f"{lake}/raw_orders_data")
        part = min(PART, mb * 10**6 // 12)
        generate(f"one/{KEY}", mb * 10**6, part, r)
        os.link(f"one/{KEY}", f"parts/{KEY}")
        began = time.time()
        want = result(subprocess.run(command("one", "run"), capture_output=True, text=True))
        took = time.time() - began
        print(f"seed {seed}: one process: {want['rows_written']} rows, {want['records_quarantined']} quarantined, {took:.0f} s", flush=True)
        split = command("parts", "split", KEY)
        split[3:3] = ["--part-size", str(part), "--workers", "1"]
        kills, began, running, got = 0, time.time(), [], None
        while got is None:
            while len(running) < PROCESSES:
                running.append(subprocess.Popen(split, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
            time.sleep(r.random() * max(took / 8, 0.3))
            ended = [p for p in running if p.poll() is not None]
            for p in ended:
                out, err = p.communicate()
                running.remove(p)
                assert p.returncode in (0, 3), err
                report = json.loads(out)
                if got is None or report["objects"]["committed"]:
                    got = report
            if got is None and kills < 60:
                victim = r.choice(running)
                victim.kill()
                victim.communicate()
                running.remove(victim)
                kills += 1
        for p in running:
            out, err = p.communicate()
            assert p.returncode in (0, 3), err
            report = json.loads(out)
            if report["objects"]["committed"]:
                got = report
        print(f"{PROCESSES} processes, {kills} kills, {time.time() - began:.0f} s", flush=True)
        for lake in ("one", "parts"):  # the ledger of both has the same
            done = subprocess.run([SLUICE, "table", "verify", "--lake", lake, "-m", "m.yaml"], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
            print(done.stdout, end="")
        if got["objects"]["committed"]:
            for name in ("records_read", "records_committed", "records_quarantined", "rows_written", "bytes_read", "sums", "record_sums", "reasons"):
                assert got[name] == want[name], f"{name}: {got[name]}, want {want[name]}"
            print("counts and sums are the same:", json.dumps(got["sums"]))
        else:
            print("the process that committed was killed before it said so")
        held = [sorted(pathlib.Path(lake, "quarantine").rglob("*.ndjson")) for lake in ("one", "parts")]
        assert len(held[0]) == len(held[1]) == 1 and held[0][0].read_bytes() == held[1][0].read_bytes(), "the quarantine differs"
        compare()


def compare():
    """Both lakes have the same rows: their sums and a hash over all of them."""
    import duckdb
    db = duckdb.connect()
    for table in ("orders", "lines"):
        found = []
        for lake in ("one", "parts"):
            columns = "id, day, total" if table == "orders" else "id, sku, price"
            sums = "sum(total)" if table == "orders" else "sum(price)"
            files = f"{lake}/orders_data_parquet/{table}/data/*.parquet"
            if lake == "parts":
                files = named(table)
            found.append(db.execute(f"SELECT count(*), {sums}, sum(hash({columns})::HUGEINT) FROM read_parquet({files!r})").fetchall())
        assert found[0] == found[1], f"table {table}: {found[1]}, want {found[0]}"
        print(f"table {table}: {found[0][0][0]} rows, sum {found[0][0][1]}: the same")


def named(table):
    """The data files that the newest snapshot names: killed processes leave others."""
    from pyiceberg.table import StaticTable
    metadata = pathlib.Path(f"parts/orders_data_parquet/{table}/metadata")
    newest = max(metadata.glob("v*.metadata.json"), key=lambda p: int(p.name[1:].split(".")[0]))
    return [f.file.file_path.removeprefix("file://") for f in StaticTable.from_metadata(str(newest)).scan().plan_files()]


main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6))
