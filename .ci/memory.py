"""The memory of a conversion does not grow with its input: an array of 1 GiB
on a single line, and NDJSON of 1 GiB, stay under 128 MiB (peak RSS). A mapping
made of documents with 10^5 paths, and its profile, stay under 256 MiB. A batch of an
Iceberg table, with an object of 1 GiB and 1,500 small ones, stays under 160 MiB."""

import json
import os
import subprocess
import sys
import tempfile
import time

SIZE = 1 << 30
BLOCK = 64 << 20  # of orders that differ; more than a row group


def block(between):
    """Orders with a text of their own in every column."""
    parts, size, n = [], 0, 0
    while size < BLOCK:
        o = (f'{{"order_id":{n},"order_date":"2024-{n % 12 + 1:02}-10T08:30:{n % 60:02}Z","total_amount":{n % 9973}.{n % 100:02},'
             f'"customer":{{"customer_id":{n * 7},"name":"Customer {n * 31}","email":"c{n}@example.com","address":"{n} Example Street, {n * 13}"}},'
             f'"products":[{{"product_id":"P{n * 3}","name":"Product {n * 17}","category":"Category {n % 40}","price":{n % 1000}.{n % 100:02},"quantity":{n % 9 + 1}}},'
             f'{{"product_id":"Q{n * 5}","name":"Product {n * 19}","category":"Category {n % 40}","price":{n % 777}.5,"quantity":1}}]}}')
        parts.append(o)
        size += len(o) + 1
        n += 1
    return between.join(parts).encode()


def orders(begin, between, end):
    """1 GiB of orders."""
    text = block(between)
    yield begin.encode()
    written = 0
    while written < SIZE:
        yield text
        written += len(text)
        yield between.encode() if written < SIZE else end.encode()


def wide(paths=100_000, members=2000, records=1000, group=1000):
    """Records that have other members each time, in groups, of four kinds."""
    for n in range(records):
        groups = {}
        for i in range(members):
            field = (n * members + i) % paths
            v = n * 7919 + field
            value = (f'{v}', f'"2024-03-10T08:{v // 60 % 60:02}:{v % 60:02}Z"', f'"text {v}"', f'{v}.{v % 100:02}')[field % 4]
            groups.setdefault(field // group, []).append(f'"field_{field}":{value}')
        yield ("{" + ",".join(f'"group_{g}":{{{",".join(all)}}}' for g, all in groups.items()) + "}\n").encode()


def fill(source, small):
    """A large object, and small ones of 100 orders each."""
    with open(os.path.join(source, "large.ndjson"), "wb") as f:
        f.writelines(orders("", "\n", "\n"))
    lines = block("\n").splitlines(keepends=True)
    for n in range(small):
        with open(os.path.join(source, f"small-{n:06}.ndjson"), "wb") as f:
            f.writelines(lines[100 * n:100 * (n + 1)])


def table(threads, limit, small=1500):
    """Runs sluice over a folder with a large object and small ones."""
    with tempfile.TemporaryDirectory() as lake:
        source = os.path.join(lake, "raw_orders_data")
        os.mkdir(source)
        # A process of its own fills it: the peak of a child counts from what it shares
        # with its parent before exec on.
        if os.fork() == 0:
            fill(source, small)
            os._exit(0)
        if os.wait()[1] != 0:
            raise SystemExit("the folder is not filled")
        start = time.monotonic()
        with open(os.path.join(lake, "report.json"), "w+b") as out:
            child = subprocess.Popen([os.environ["SLUICE"], "run", "--lake", lake, "--table", "--threads", threads, "--workers", threads, "--report", "json"], stdout=out)
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            report = json.load(out)
        peak, seconds = usage.ru_maxrss << 10, time.monotonic() - start
        print(f"table, {threads} threads, {report['bytes_read'] >> 20} MiB: peak {peak >> 20} MiB, {report['bytes_read'] / seconds / 1e6:.0f} MB/s", flush=True)
        if child.returncode != 0 or report["objects"]["committed"] != small + 1 or peak > limit:
            raise SystemExit(f"exit code {child.returncode}, objects {report['objects']}, peak {peak >> 20} MiB of {limit >> 20}")


def measure(what, arguments, chunks, limit):
    """Runs sluice in a folder that has the chunks in a pipe, input.json."""
    with tempfile.TemporaryDirectory() as folder:
        fifo = os.path.join(folder, "input.json")
        os.mkfifo(fifo)
        # Started while this process is small: the peak of a child counts from
        # what it shares with its parent before exec on.
        child = subprocess.Popen([os.environ["SLUICE"], *arguments], cwd=folder, stdout=subprocess.DEVNULL)
        start = time.monotonic()
        written = 0
        with open(fifo, "wb", buffering=0) as pipe:
            for chunk in chunks:
                view = memoryview(chunk)
                while view:
                    view = view[pipe.write(view):]
                written += len(chunk)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        peak = usage.ru_maxrss << 10
        seconds = time.monotonic() - start
        print(f"{what}, {written >> 20} MiB: peak {peak >> 20} MiB, {written / seconds / 1e6:.0f} MB/s", flush=True)
        if child.returncode != 0 or peak > limit:
            raise SystemExit(f"exit code {child.returncode}, peak {peak >> 20} MiB of {limit >> 20}")


if __name__ == "__main__":
    form, threads = sys.argv[1:]
    if form == "table":
        table(threads, 160 << 20)
        raise SystemExit
    convert = ["convert", "input.json", "-o", "orders.parquet", "--threads", threads]
    infer = ["mapping", "infer", "input.json", "-o", "mapping.yaml", "--profile", "profile.json", "--threads", threads]
    arguments, chunks, limit = {
        "array": (convert, orders("[", ",", "]"), 128 << 20),
        "ndjson": (convert, orders("", "\n", "\n"), 128 << 20),
        "wide": (infer, wide(), 256 << 20),
    }[form]
    measure(f"{form}, {threads} threads", arguments, chunks, limit)
