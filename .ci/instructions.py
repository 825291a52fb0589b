"""The instructions that a conversion takes for each byte of its input, counted
by callgrind: time depends on the machine and its neighbours, instructions
hardly do. Two sizes are counted, and the second less the first is judged, so
that starting and growing buffers do not count.

A change that needs more than LIMIT is slower, or does more: say so in its
commit, and write the new figure here. One that needs much less says so, too.
"""

import concurrent.futures
import json
import os
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile

import platforms

# Instructions for each byte, on amd64 with the Go of go.mod.
LIMIT = {
    "shop": 28.0,
    "distinct": 55.7,
    "wide": 21.4,
    "shopify": 24.4,
    "square": 41.3,
    "woocommerce": 39.6,
    "bigcommerce": 34.1,
    "private": 18.3,
    "fallbacks": 16.6,
    "tolerant": 25.8,
    "readings": 90.9,
    "keyed": 14.2,
    "weather": 96.5,
    "messages": 82.0,
    "attributes": 79.5,
}
MAPPING = {  # for the others: orders
    "shopify": "shopify",
    "square": "square",
    "woocommerce": "woocommerce",
    "bigcommerce": "bigcommerce",
    "private": "examples/private.yaml",
    "fallbacks": "examples/fallbacks.yaml",
    "tolerant": "examples/tolerant.yaml",
    "readings": "examples/readings.yaml",
    "keyed": "examples/keyed.yaml",
    "weather": "examples/weather.yaml",
    "messages": "examples/messages.yaml",
    "attributes": "examples/attributes.yaml",
}
INPUT = {"private": "shopify", "fallbacks": "shopify", "tolerant": "shop", "keyed": "shopify"}  # the kind of the others is their name
FLAGS = {"keyed": ["--source-key", "raw/shop=berlin/dt=2024-01-10/orders.ndjson"]}
TOLERANCE = 0.03  # hashes have a random key
SMALL, LARGE = 3, 6  # MB


def write(kind, mb, source, folder):
    """Writes an input of so many megabytes."""
    if kind not in WRITERS:
        subprocess.run([os.path.join(folder, "gen"), "-kind", INPUT.get(kind, kind), "-mb", str(mb), "-o", source], check=True, capture_output=True)
        return
    r = random.Random(1)
    with open(source, "w") as f:
        while f.tell() < mb * 10**6:
            f.write(WRITERS[kind](r, f.tell()) + "\n")


def reading(r, at):
    labels = ", ".join(f'"hall {r.randrange(40)}"' for _ in range(r.randrange(4)))
    values = ", ".join(f"{r.gauss(20, 3):.{r.randrange(4)}f}" for _ in range(r.randrange(30)))
    return f'{{"device": "pump-{r.randrange(500)}", "at": {1704875400 + at}, "labels": [{labels}], "values": [{values}]}}'


def weather(r, at):
    hours = {
        "time": [f"2024-01-{1 + d:02}T{h:02}:00" for d in range(7) for h in range(24)],
        "temperature_2m": [round(r.gauss(10, 8), 1) for _ in range(7 * 24)],
        "rain": [round(max(r.gauss(0, 1), 0), 1) for _ in range(7 * 24)],
    }
    return json.dumps({"latitude": round(r.uniform(40, 60), 2), "longitude": round(r.uniform(0, 20), 2), "timezone": "GMT", "hourly": hours})


def message(r, at):
    lines = [{"sku": f"A-{r.randrange(500)}", "name": f"thing {r.randrange(500)}", "qty": r.randrange(1, 9), "price": f"{r.randrange(10000) / 100:.2f}"} for _ in range(r.randrange(1, 9))]
    body = {"order_id": f"B-{at}", "customer": {"email": f"c{r.randrange(9999)}@example.com"}, "lines": lines}
    return json.dumps({"Type": "Notification", "MessageId": f"m-{at}", "Timestamp": "2024-01-10T08:30:00Z", "Message": json.dumps(body)})


def attributes(r, at):
    def pairs(names):
        return [{"name": n, "value": f"{n} {r.randrange(50)}"} for n in names if r.random() < 0.8]

    taxes = [{"uid": f"t{i}", "name": f"Tax {i}", "rate": f"{r.randrange(20)}.5"} for i in range(6)]
    lines = [{"sku": f"A-{r.randrange(5000)}", "tax_uid": f"t{r.randrange(6)}", "properties": pairs(["color", "size", "fit", "note"])} for _ in range(r.randrange(1, 9))]
    return json.dumps({"id": f"o-{at}", "attributes": pairs(["source", "campaign", "gift"]), "lines": lines, "taxes": taxes})


PLATFORMS = {"square": platforms.square, "woocommerce": platforms.woocommerce, "bigcommerce": platforms.bigcommerce}
WRITERS = {**PLATFORMS, "readings": reading, "weather": weather, "messages": message, "attributes": attributes}


def instructions(kind, mb, folder):
    """Instructions of the whole process, and the size of its input."""
    source = os.path.join(folder, f"{kind}-{mb}.ndjson")
    write(kind, mb, source, folder)
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
               os.environ["SLUICE"], "convert", source, "-o", source + ".tables/", "--threads", "1",
               "-m", MAPPING.get(kind, "orders"), *FLAGS.get(kind, [])]
    # Neither the garbage collector nor its signals: when they come depends on time.
    quiet = {**os.environ, "GOGC": "off", "GOMAXPROCS": "1", "GODEBUG": "asyncpreemptoff=1"}
    run = subprocess.run(command, env=quiet, capture_output=True, text=True)
    counted = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not counted:
        raise SystemExit(f"{' '.join(command)}: exit code {run.returncode}\n{run.stdout}{run.stderr}")
    return int(counted[1]), os.path.getsize(source)


def main():
    if platform.machine() != "x86_64":
        print(f"SKIPPED: the limits are those of amd64, and this is {platform.machine()}")
        return
    if not shutil.which("valgrind"):
        raise SystemExit("valgrind is missing (apt-get install valgrind)")
    wrong = []
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        subprocess.run(["go", "build", "-o", folder, "./bench/gen"], check=True)
        counts = {(kind, mb): pool.submit(instructions, kind, mb, folder) for kind in LIMIT for mb in (LARGE, SMALL)}
        for kind, limit in LIMIT.items():
            (less, shorter), (more, longer) = counts[kind, SMALL].result(), counts[kind, LARGE].result()
            found = (more - less) / (longer - shorter)
            print(f"{kind}: {found:.2f} instructions for each byte, limit {limit:.2f}", flush=True)
            if not (1 - 3 * TOLERANCE) * limit < found < (1 + TOLERANCE) * limit:
                wrong.append(f"{kind}: {found:.2f} instructions for each byte instead of {limit:.2f}")
    if wrong:
        sys.exit("\n".join(wrong))


if __name__ == "__main__":
    main()
