"""Table mode beside pyiceberg with pyarrow, and Spark: orders into one snapshot of an
Iceberg table, of one large object and of as many orders in small ones. TABLES.md has
what was seen.

    tables.py GEN SLUICE MB OBJECTS [ROUNDS]

GEN is bench/gen, built. All run in turn, ROUNDS times; medians are printed. The peers
are in the environment of .ci/iceberg; ICEBERG_JARS is its folder of jars."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PEERS = {"pyiceberg": ["run_pyiceberg.py"], "Spark, batch": ["run_spark_iceberg.py", "batch"], "Spark, streaming": ["run_spark_iceberg.py", "stream"]}
HERE = os.path.dirname(os.path.abspath(__file__))


def timed(*command):
    """What a command prints, its seconds, seconds of CPU, and peak memory in MB."""
    start = time.monotonic()
    with tempfile.TemporaryFile() as out:
        child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        if os.waitstatus_to_exitcode(status) != 0:
            raise SystemExit(f"{command[0]} failed")
        out.seek(0)
        return out.read(), time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def sluice(program, lake):
    for name in ("orders_data_parquet", "ledger", "quarantine", ".sluice"):
        shutil.rmtree(os.path.join(lake, name), ignore_errors=True)
    out, *figures = timed(program, "run", "--lake", lake, "--table", "--threads", str(os.cpu_count()), "--workers", str(os.cpu_count()), "--report", "json")
    return json.loads(out)["rows_written"], figures


def peer(name, folder, out):
    shutil.rmtree(out, ignore_errors=True)
    script, *way = PEERS[name]
    printed, *figures = timed(sys.executable, os.path.join(HERE, "peers", script), folder, out, *way)
    return int(printed), figures


def main():
    gen, program, mb, objects = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
    with tempfile.TemporaryDirectory() as root:
        large = os.path.join(root, "large")
        many = os.path.join(root, "many")
        for lake in large, many:
            os.makedirs(os.path.join(lake, "raw_orders_data"))
        subprocess.run([gen, "-mb", mb, "-o", os.path.join(large, "raw_orders_data", "orders.ndjson")], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(os.path.join(large, "raw_orders_data", "orders.ndjson"), "rb") as orders:
            size = os.fstat(orders.fileno()).st_size
            for i in range(objects):
                with open(os.path.join(many, "raw_orders_data", f"{i:06d}.json"), "wb") as f:
                    f.writelines(orders.readlines(max(1, size * (i + 1) // objects - orders.tell())))
        for name, lake in ("one object of " + mb + " MB", large), (f"the same in {objects:,} objects", many):
            seen = {who: [] for who in ("sluice", *PEERS)}
            for _ in range(rounds):
                rows, figures = sluice(program, lake)
                seen["sluice"].append(figures)
                for who in PEERS:
                    others, figures = peer(who, os.path.join(lake, "raw_orders_data"), os.path.join(root, "peer"))
                    seen[who].append(figures)
                    if rows != others:
                        raise SystemExit(f"{name}: sluice has {rows} rows, {who} {others}")
            for who, runs in seen.items():
                wall, cpu, memory = (statistics.median(column) for column in zip(*runs))
                print(f"| {name} | {who} | {wall:.1f} s | {cpu:.1f} s | {memory:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
