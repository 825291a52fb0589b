"""The memory of a conversion does not grow with its input: an array of 1 GiB
on a single line, and NDJSON of 1 GiB, stay under 128 MiB (peak RSS)."""

import os
import subprocess
import tempfile
import time

SIZE = 1 << 30
LIMIT = 128 << 20
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


def measure(form, threads):
    begin, between, end = {"array": ("[", ",", "]"), "ndjson": ("", "\n", "\n")}[form]
    with tempfile.TemporaryDirectory() as folder:
        fifo = os.path.join(folder, "orders.json")
        os.mkfifo(fifo)
        command = [os.environ["SLUICE"], "convert", fifo, "-o", os.path.join(folder, "orders.parquet"), "--threads", str(threads)]
        # Started while this process is small: the peak of a child counts from
        # what it shares with its parent before exec on.
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        text = block(between)
        start = time.monotonic()
        written = 0
        with open(fifo, "wb", buffering=0) as pipe:
            pipe.write(begin.encode())
            while written < SIZE:
                view = memoryview(text)
                while view:
                    view = view[pipe.write(view):]
                written += len(text)
                pipe.write(between.encode() if written < SIZE else end.encode())
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        peak = usage.ru_maxrss << 10
        seconds = time.monotonic() - start
        print(f"{form}, {written >> 20} MiB, {threads} threads: peak {peak >> 20} MiB, {written / seconds / 1e6:.0f} MB/s", flush=True)
        if child.returncode != 0 or peak > LIMIT:
            raise SystemExit(f"exit code {child.returncode}, peak {peak >> 20} MiB of {LIMIT >> 20}")


if __name__ == "__main__":
    import sys
    measure(sys.argv[1], int(sys.argv[2]))
