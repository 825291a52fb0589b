"""What the measured CPU seconds mean on AWS Lambda, beside other ways there.
The prices are those of `sluice cost`, so that they stand in one place."""

import os
import re
from statistics import median

from plan import PEERS, ROOT

PRICES = os.path.join(ROOT, "internal", "cost", "prices.yaml")
VCPU_MB = 1769  # "At 1,769 MB, a function has the equivalent of one vCPU": https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEMORY = [128, 256, 512, 1024, 1769, 3538]
LARGEST = 10240
X86_BY_ARM = 0.0000166667 / 0.0000133334  # The table of prices has arm64's; the measured machine may be either.


def prices():
    """The price of each name, and where it is from."""
    if not os.path.exists(PRICES):
        return None
    with open(PRICES) as f:
        found = re.findall(r"^  (\w+):\n    usd: ([\d.e-]+)\n.*\n    source: (\S+)\n    read: (\S+)\n(    confirmed: false)?", f.read(), re.M)
    return {name: (float(usd), f"{source}, read {read}{', not confirmed by AWS itself' if doubt else ''}") for name, usd, source, read, doubt in found}


def cpu_per_gb(results, who, peer, cores):
    """CPU seconds for 10^9 bytes of JSON, from the largest input of the shop."""
    runs = [(c["mb"], c[who], results["inputs"][c["input"]]["bytes"]) for c in results["comparisons"].values()
            if "error" not in c and c["cores"] == cores and c["codec"] == "zstd" and (peer is None or c["peer"] == peer)
            and c["input"].startswith("shop-") and c["input"].endswith(("ndjson", "array"))]
    if not runs:
        return None, None
    largest = max(mb for mb, _, _ in runs)
    return (median(r["cpu"] / size * 1e9 for mb, rs, size in runs if mb == largest for r in rs),
            max(r["rss"] for mb, rs, _ in runs if mb == largest for r in rs) / (largest * 1e6))


def section(results):
    price = prices()
    one, _ = cpu_per_gb(results, "sluice", None, 1)
    two, _ = cpu_per_gb(results, "sluice", None, 2)
    if price is None or one is None:
        return ""
    arm = results["machine"]["system"].endswith(("aarch64", "arm64"))
    second = price["lambda_gb_second"][0] * (1 if arm else X86_BY_ARM)

    def function(memory, cpu, cores):
        speed = min(memory / VCPU_MB, cores) / cpu * 1000  # MB/s
        return speed, 1e6 / speed * memory / 1024 * second

    rows = []
    for memory in MEMORY:
        cores = 2 if memory > VCPU_MB else 1
        if cpu := (one if cores == 1 else two):
            speed, usd = function(memory, cpu, cores)
            rows.append(f"| sluice, Lambda, {memory:,} MB | {speed:.0f} | {usd:.2f} | {cpu:.2f} CPU seconds a GB |")
    cpu, rss = cpu_per_gb(results, "theirs", "pandas", 1)
    if cpu:
        memory = min(LARGEST, max(VCPU_MB, round(256 * rss * 1.2)))
        speed, usd = function(memory, cpu, 1)
        rows.append(f"| {PEERS['pandas'].label}, Lambda, {memory:,} MB | {speed:.0f} | {usd:.2f} | {cpu:.1f} CPU seconds a GB on its one thread; {rss:.0f} times the file in memory, "
                    f"so files of 256 MB need this setting and none above {LARGEST / rss / 1.2:.0f} MB fits at all |")
    cpu, _ = cpu_per_gb(results, "theirs", "pyspark", 2)
    if cpu and "glue_dpu_hour" in price:
        usd = cpu * 1000 / 4 / 3600 * price["glue_dpu_hour"][0]
        rows.append(f"| Glue job (Spark) | – | {usd:.2f} | {cpu:.0f} CPU seconds a GB of Spark here, with its start and warming up, so an upper bound; 4 vCPU a DPU, all busy; a job pays at least 2 DPU for 1 minute |")
    if "firehose_gb" in price:
        usd = (price["firehose_gb"][0] + price["firehose_conversion_gb"][0]) * 1000
        rows.append(f"| Firehose with conversion | – | {usd:.2f} | by volume; a record below 5 KB pays as 5 KB; does not explode arrays |")
    used = ["lambda_gb_second", "glue_dpu_hour", "firehose_gb", "firehose_conversion_gb"]
    sources = "; ".join(f"{n} ${price[n][0]:.10g} ({price[n][1]})" for n in used if n in price)
    return f"""## What it means on AWS

Computed, not measured there: the CPU seconds of this machine, {'arm64' if arm else 'x86_64'}; Lambda gives one vCPU at {VCPU_MB:,} MB and shares in proportion, so the price of a TB
is the same at every setting up to there, and smaller settings only take longer. Compute alone: no requests, no S3, no waiting for either. A vCPU of Lambda is slower or faster than a core here.

| way | MB/s | $ per TB of JSON | from |
|---|---|---|---|
""" + "\n".join(rows) + f"\n\nPrices of us-east-1 in `internal/cost/prices.yaml`: {sources}.\n"
