"""Many small files and a large one dropped at once into the lake of `sluice serve`:
every record becomes a row, while the page is answered, and the memory stays under
200 MiB (peak RSS). How long the answers take is printed, and not judged: it depends
on the machine and its neighbours.

    serve_load.py SMALL LARGE     numbers of small files and of MB of the large one
"""

import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

LIMIT = 200 << 20
SLUICE = os.environ["SLUICE"]
CALM = time.time() - 3600  # files of then are whole


def order(n):
    return ('{"order_id":%d,"order_date":"2024-01-%02dT08:00:00Z","total_amount":%d.50,"customer":{"customer_id":%d,"name":"Ada"},'
            '"products":[{"product_id":%d,"name":"Mug","category":"kitchen","price":%d.25,"quantity":2},{"product_id":7,"name":"Tea","category":"tea","price":4.00,"quantity":1}]}\n'
            % (n, n % 28 + 1, n % 900, n % 5000, n % 300, n % 90))


def drop(folder, name, parts):
    """Writes a file beside the source, and moves it there."""
    at = os.path.join(folder, "new")
    with open(at, "w") as f:
        for p in parts:
            f.write(p)
    os.utime(at, (CALM, CALM))
    os.rename(at, os.path.join(folder, "raw_orders_data", name))


class Page:
    """What a page asks for, again and again, and how long each answer takes."""

    def __init__(self, url):
        self.base = url.split("/?")[0]
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.opener.open(url).read()
        self.times = {}
        self.ended = False
        self.failures = []

    def get(self, target):
        started = time.monotonic()
        with self.opener.open(self.base + target, timeout=60) as answer:
            text = answer.read()
        self.times.setdefault(re.sub("[0-9a-f]{64}", "ID", target), []).append(time.monotonic() - started)
        return text

    def ask(self):
        while not self.ended:
            try:
                self.get("/")
                self.get("/api/lake")
                found = json.loads(self.get("/api/objects?limit=100"))["objects"]
                self.get("/api/objects?find=123&outcome=accept")
                if found:
                    self.get("/api/objects/" + found[0]["id"])
                self.get("/api/tables")
                self.get("/api/mapping")
                self.get("/api/quarantine")
            except (OSError, urllib.error.HTTPError) as e:
                self.failures.append(repr(e))
            time.sleep(0.02)

    def listen(self):
        """The events, as a page takes them."""
        try:
            with self.opener.open(self.base + "/api/events", timeout=60) as events:
                for _ in events:
                    if self.ended:
                        return
        except OSError:
            pass


def peak(pid):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]) << 10


def main(small, large):
    with tempfile.TemporaryDirectory(dir=os.environ.get("SERVE_LOAD_DIR")) as folder:
        os.mkdir(os.path.join(folder, "raw_orders_data"))
        child = subprocess.Popen([SLUICE, "serve", "--lake", folder, "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        try:
            url = re.search(r"http://\S+", child.stdout.readline())[0]
            threading.Thread(target=child.stdout.read, daemon=True).start()
            page = Page(url)
            threads = [threading.Thread(target=page.ask), threading.Thread(target=page.ask), threading.Thread(target=page.listen, daemon=True)]
            for t in threads:
                t.start()
            started = time.monotonic()
            block = "".join(order(n) for n in range(4000))
            blocks = (large << 20) // len(block)
            drop(folder, "large.ndjson", (block for _ in range(blocks)))
            for n in range(small):
                drop(folder, f"{n:05d}.json", [order(n)])
            rows = 2 * (small + 4000 * blocks)
            dropped = time.monotonic() - started
            last = None
            while True:
                lake = json.loads(page.get("/api/lake"))
                c = lake["counts"]
                if c["objects"] == small + 1 and c["waiting"] + c["working"] + c["failed"] == 0:
                    break
                if child.poll() is not None or time.monotonic() - started > 3600:
                    raise SystemExit(f"the server ended, or takes too long: {lake}")
                time.sleep(0.2)
            took = time.monotonic() - started
            time.sleep(2)  # the catalog, the index of the ledger, the tables
            memory = peak(child.pid)
            page.ended = True
            for t in threads[:2]:
                t.join()
            if c["rows"] != rows or lake["problem"]:
                raise SystemExit(f"want {rows} rows, got {lake}")
        finally:
            child.send_signal(signal.SIGINT)
            child.wait(30)
    print(f"{small} files and {large} MB, dropped in {dropped:.1f} s, done after {took:.1f} s, peak memory {memory / (1 << 20):.0f} MiB")
    failed = page.failures[:3]
    for target, times in sorted(page.times.items()):
        times.sort()
        p99 = times[int(len(times) * 0.99)]
        print(f"  {target:42} {len(times):6} requests, median {times[len(times) // 2] * 1e3:6.1f} ms, p99 {p99 * 1e3:6.1f} ms, max {times[-1] * 1e3:6.1f} ms")
    if memory > LIMIT:
        failed.append(f"peak memory {memory >> 20} MiB")
    if failed:
        raise SystemExit("; ".join(failed))


main(int(sys.argv[1]), int(sys.argv[2]))
