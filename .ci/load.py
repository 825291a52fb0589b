"""Many small objects and a large one through `sluice run` on a real S3 server
(versitygw): every record is accounted for, nothing is left to do or lying
about, and the memory stays under 200 MiB (peak RSS). In a table, an object costs one
request, and all share one file.

    load.py SMALL LARGE     numbers of small objects and of MB of the large one
"""

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request

import versitygw

LIMIT = 200 << 20
SLUICE, FILL, DELAY = (os.environ[name] for name in ("SLUICE", "FILL", "DELAY"))
IDLE_REQUESTS = 30  # of a run over 1,000 objects with nothing to do
TABLE_REQUESTS, TABLE_IDLE_REQUESTS = 50, 20  # beside one for each object; with nothing to do
IN_FLIGHT = 8       # requests at once, for tables
BUCKET = "load"


def run(folder, env, *flags):
    """Runs sluice: its report, exit code, seconds and peak memory."""
    start = time.monotonic()
    with open(os.path.join(folder, "report"), "w+b") as out:
        child = subprocess.Popen([SLUICE, "run", "-c", os.path.join(folder, "sluice.yaml"), "--report", "json", *flags], stdout=out, env=env)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        return json.loads(out.read() or b"{}"), child.returncode, time.monotonic() - start, usage.ru_maxrss << 10


def expect(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: got {got}, want {want}")


def left(folder):
    """Parts of uploads that nobody completed, as versitygw stores them."""
    found = []
    for path, _, files in os.walk(os.path.join(folder, "data")):
        found += [os.path.join(path, f) for f in files if "/multipart" in path]
    return found


def load(folder, endpoint, env, kind, number):
    filled = subprocess.run([FILL, endpoint, BUCKET + "-" + kind, kind, str(number)], env=env, check=True, capture_output=True, text=True)
    want = json.loads(filled.stdout)
    with open(os.path.join(folder, "sluice.yaml"), "w") as f:
        f.write(f"source: s3://{BUCKET}-{kind}/raw_orders_data/\ncatalog: {{kind: none}}\ns3: {{endpoint: {endpoint}, region: us-east-1, path_style: true}}\n")
    report, code, seconds, peak = run(folder, env, "--workers", "8")
    print(f"{kind}: {want['objects']:,} objects, {want['bytes'] / 1e6:,.0f} MB in {seconds:.1f} s "
          f"({want['objects'] / seconds:.0f} objects/s, {want['bytes'] / seconds / 1e6:.0f} MB/s), peak {peak >> 20} MiB", flush=True)
    expect("exit code", code, 3 if want["bad"] else 0)
    expect("objects", report["objects"], {"committed": want["objects"], "duplicate": 0, "rejected": 0, "failed": 0, "skipped": 0})
    expect("records", (report["records_read"], report["records_quarantined"], report["records_committed"]),
           (want["records"], want["bad"], want["records"] - want["bad"]))
    expect("rows", report["rows_written"], want["rows"])
    if peak > LIMIT:
        raise SystemExit(f"peak {peak >> 20} MiB of {LIMIT >> 20}")
    report, code, seconds, peak = run(folder, env, "--workers", "8")
    print(f"{kind}: again, {seconds:.1f} s, peak {peak >> 20} MiB", flush=True)
    expect("exit code of the second run", code, 0)
    expect("objects of the second run", report["objects"]["duplicate"], want["objects"])
    expect("uploads left", left(folder), [])


def wait(folder, endpoint, env, objects, milliseconds):
    """Small objects over a slow network, by default settings: how long, and how
    many requests; of a run with nothing to do only some listings."""
    filled = subprocess.run([FILL, endpoint, BUCKET + "-slow", "small", str(objects)], env=env, check=True, capture_output=True, text=True)
    want = json.loads(filled.stdout)["objects"]
    child = subprocess.Popen([DELAY, endpoint, str(milliseconds), "1000"], stdout=subprocess.PIPE, text=True)
    try:
        slow = child.stdout.readline().strip()
        with open(os.path.join(folder, "sluice.yaml"), "w") as f:
            f.write(f"source: s3://{BUCKET}-slow/raw_orders_data/\ncatalog: {{kind: none}}\ns3: {{endpoint: {slow}, region: us-east-1, path_style: true}}\n")
        for again in False, True:
            report, _, seconds, peak = run(folder, env)
            requests = int(urllib.request.urlopen(slow + "/-/count").read())
            print(f"{milliseconds} ms a request{', again' if again else ''}: {want:,} objects in {seconds:.1f} s, {requests:,} requests, peak {peak >> 20} MiB", flush=True)
            expect("objects", report["objects"]["duplicate" if again else "committed"], want)
        if requests > IDLE_REQUESTS * max(1, objects // 1000):
            raise SystemExit(f"{requests} requests of a run with nothing to do, at most {IDLE_REQUESTS}")
    finally:
        child.kill()
        child.wait()


def tables(folder, endpoint, env, objects, milliseconds):
    """Tiny objects over a slow network that takes few requests at once: a file for each
    object, and a table whose file they share. What is asserted is requests and files."""
    for kind, config in ("a file for each object", ""), ("a table", "table: {format: iceberg, catalog: file}\n"):
        bucket = f"{BUCKET}-{'table' if config else 'tiny'}"
        filled = json.loads(subprocess.run([FILL, endpoint, bucket, "tiny", str(objects)], env=env, check=True, capture_output=True, text=True).stdout)
        child = subprocess.Popen([DELAY, endpoint, str(milliseconds), str(IN_FLIGHT)], stdout=subprocess.PIPE, text=True)
        try:
            slow = child.stdout.readline().strip()
            with open(os.path.join(folder, "sluice.yaml"), "w") as f:
                f.write(f"source: s3://{bucket}/raw_orders_data/\n{config}catalog: {{kind: none}}\ns3: {{endpoint: {slow}, region: us-east-1, path_style: true}}\n")
            for again in False, True:
                report, _, seconds, peak = run(folder, env)
                requests = int(urllib.request.urlopen(slow + "/-/count").read())
                print(f"{kind}, {milliseconds} ms a request, {IN_FLIGHT} at once{', again' if again else ''}: {objects:,} objects of {filled['bytes'] / objects:.0f} bytes "
                      f"in {seconds:.1f} s, {requests:,} requests, peak {peak >> 20} MiB", flush=True)
                expect("objects", report["objects"]["duplicate" if again else "committed"], objects)
                most = TABLE_IDLE_REQUESTS if again else objects + TABLE_REQUESTS
                if config and requests > most + objects // 1000:
                    raise SystemExit(f"{requests} requests, at most {most}")
        finally:
            child.kill()
            child.wait()
    files = [f for path, _, files in os.walk(os.path.join(folder, "data", bucket)) for f in files if path.endswith("/order_lines/data") and f.endswith(".parquet")]
    expect("data files", len(files), 1)


def main():
    small, large = int(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        child, endpoint = versitygw.server(folder)
        env = versitygw.environment(folder)
        try:
            load(folder, endpoint, env, "small", small)
            wait(folder, endpoint, env, small, 50)
            tables(folder, endpoint, env, small, 50)
            load(folder, endpoint, env, "large", large * 1_000_000)
        finally:
            child.kill()
            child.wait()


if __name__ == "__main__":
    main()
