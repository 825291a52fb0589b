"""The benchmark: sluice against everybody else who turns nested JSON into
Parquet. See README.md beside this file; `make bench` runs it."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time

import report
import run
from plan import DATA, HERE, PEERS, ROOT, Input, alone, comparisons


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--sizes", default="64,256,1000", help="sizes of the inputs in MB (10^6 bytes), rising (default %(default)s)")
    p.add_argument("--huge", type=int, default=10_000, help="MB that go through a pipe, for the memory of sluice; 0: none (default %(default)s)")
    p.add_argument("--huge-files", action="store_true", help="as a file too: needs so much disk, twice")
    p.add_argument("--only", default="", help="peers, separated by commas; none: sluice alone")
    p.add_argument("--inputs", default="", help="inputs whose name holds one of these, such as shop-256,array")
    p.add_argument("--cores", default="1,2", help="numbers of cores (default %(default)s)")
    p.add_argument("--pairs", type=int, default=0, help="pairs of runs of each comparison (default 1 to 5, fewer for slow peers)")
    p.add_argument("--seconds", type=float, default=240, help="longest a run may take (default %(default).0f)")
    p.add_argument("--resume", action="store_true", help="keep what an earlier run of the same binary has measured")
    p.add_argument("--output", default=HERE, help="folder of RESULTS.md and the plots (default bench)")
    p.add_argument("--report", action="store_true", help="measure nothing, only write the report anew")
    p.add_argument("--smoke", action="store_true", help="a few MB, one run each, of the peers in Python; fails if rows differ, or DuckDB or pyarrow is missing")
    p.add_argument("--list", action="store_true", help="print the plan and stop")
    a = p.parse_args()
    a.sizes = sorted(int(s) for s in a.sizes.split(","))
    a.cores = [int(c) for c in a.cores.split(",")]
    return a


def main():
    a = arguments()
    if a.smoke:
        a.sizes, a.huge, a.pairs, a.cores = [4], 0, 1, [2]
        a.only, a.output = a.only or "duckdb,pyarrow,polars,pandas,chdb", os.path.join(DATA, "smoke")
    peers = list(PEERS) if not a.only else [n for n in a.only.split(",") if n != "none"]
    if unknown := [n for n in peers if n not in PEERS]:
        sys.exit(f"bench: unknown peers {', '.join(unknown)}; there are {', '.join(PEERS)}")

    def wanted(name):
        return not a.inputs or any(part in name for part in a.inputs.split(","))

    plan = [c for c in comparisons(a.sizes) if c.peer in peers and c.cores in a.cores and wanted(c.input.name)]
    memory = [r for r in alone(a.sizes, a.huge, a.huge_files) if r.cores in a.cores and wanted(f"shop-{r.mb}-{r.form}")]
    if a.list:
        print(*[f"{c.key}: {a.pairs or c.pairs} pairs" for c in plan], *[f"sluice alone: {r.key}" for r in memory], sep="\n")
        return

    os.makedirs(DATA, exist_ok=True)
    store = os.path.join(DATA, f"results-{os.path.basename(os.path.abspath(a.output))}.json")
    if a.report:
        with open(store) as f:
            report.write(json.load(f), a.output)
        return

    missing = run.build(peers)
    versions, absent = run.installed({n: PEERS[n].package for n in peers if PEERS[n].package})
    missing |= absent
    for name, why in missing.items():
        print(f"missing: {PEERS[name].label}: {why}")
    results = {
        "machine": machine(), "command": " ".join(["python bench/bench.py", *sys.argv[1:]]), "sluice": commit(), "binary": run.sha256(run.SLUICE),
        "versions": versions, "missing": missing, "comparisons": {}, "alone": {}, "inputs": {}, "sizes": a.sizes, "started": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
    }
    if a.resume and os.path.exists(store):
        with open(store) as f:
            earlier = json.load(f)
        if earlier["binary"] == results["binary"]:
            for part in ("comparisons", "alone", "inputs", "versions"):
                results[part] = earlier[part] | results[part]
            results["missing"] = {n: why for n, why in earlier["missing"].items() if n not in peers} | missing

    def save():
        with open(store + ".new", "w") as f:
            json.dump(results, f, indent=1)
        os.replace(store + ".new", store)
        report.write(results, a.output)

    start = time.monotonic()
    compared = set()  # inputs and peers whose rows were compared one by one
    for n, c in enumerate(plan):
        print(f"[{n + 1}/{len(plan)}, {time.monotonic() - start:.0f} s] {c.key}", flush=True)
        if c.peer in missing or c.key in results["comparisons"] and "error" not in results["comparisons"][c.key]:
            continue
        try:
            r = compare(c, a, results, (c.input.name, c.peer) not in compared)
            compared.add((c.input.name, c.peer))
        except run.Failed as e:
            r = {"error": str(e)}
        results["comparisons"][c.key] = {"input": c.input.name, "peer": c.peer, "codec": c.codec, "cores": c.cores, "mb": c.input.mb} | r
        print("   ", report.line(results["comparisons"][c.key]), flush=True)
        save()
    for r in memory:
        print(f"[{time.monotonic() - start:.0f} s] sluice alone: {r.key}", flush=True)
        if r.key not in results["alone"]:
            results["alone"][r.key] = by_itself(r, a) | {"mb": r.mb, "form": r.form, "piped": r.piped, "cores": r.cores}
            print("   ", results["alone"][r.key], flush=True)
            save()
    results["seconds"] = time.monotonic() - start
    save()
    print(f"{time.monotonic() - start:.0f} s")
    finish(a, results)


def compare(c, a, results, rows_too):
    """Runs sluice and a peer in turn, and compares their rows."""
    made = results["inputs"][c.input.name] = run.generate(c.input)
    run.warm(c.input.path)
    ours, theirs = run.fresh("sluice.parquet"), run.fresh("peer.parquet")
    runs = {"sluice": [], "theirs": []}
    for _ in range(a.pairs or c.pairs):
        for who, output, command in (
                ("sluice", ours, run.sluice_command(c.input.path, ours, c.input.shape, c.codec, c.cores)),
                ("theirs", theirs, run.peer_command(PEERS[c.peer], c.input, theirs, c.codec, c.cores))):
            run.remove(output)
            cost = run.measure(command, c.cores, a.seconds)
            runs[who].append(cost | {"size": run.size(output)})
    sha = run.sha256(ours)
    verdict = run.equal("all" if rows_too else "sums", ours, theirs, a.seconds)
    if verdict["rows"][0] != made["rows"]:
        verdict["equal"] = False
    run.remove(ours)
    run.remove(theirs)
    return runs | {"rows": verdict, "how": "all" if rows_too else "sums", "sha256": sha}


def by_itself(r, a):
    """Runs sluice alone: memory needs no pairs."""
    try:
        if r.piped:
            return run.piped(r.mb, r.form, r.cores, a.seconds)
        i = Input("shop", r.mb, r.form)
        run.generate(i)
        output = run.fresh("alone.parquet")
        try:
            return run.measure(run.sluice_command(i.path, output, i.shape, "zstd", r.cores), r.cores, a.seconds)
        finally:
            run.remove(output)
    except run.Failed as e:
        return {"error": str(e)}


def finish(a, results):
    """A difference of rows is a failure, however fast."""
    wrong = [k for k, c in results["comparisons"].items() if "error" not in c and not c["rows"]["equal"]]
    if a.smoke:
        wrong += [f"{k}: {c['error']}" for k, c in results["comparisons"].items() if "error" in c]
        wrong += [f"{k}: {r['error']}" for k, r in results["alone"].items() if "error" in r]
        wrong += [f"{n} is missing: {why}" for n, why in results["missing"].items() if n in ("duckdb", "pyarrow")]
        wrong += [] if results["comparisons"] else ["nothing was compared"]
    wrong += report.unstable(results)
    if wrong:
        sys.exit("bench: FAILED: " + "; ".join(wrong))


def machine():
    model = "unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo") as f:
            model = next((line.split(":")[1].strip() for line in f if line.startswith("model name")), model)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    go = subprocess.run(["go", "env", "GOVERSION"], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "memory": memory, "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "go": go, "python": platform.python_version()}


def commit():
    def git(*args):
        return subprocess.run(["git", *args], capture_output=True, text=True, cwd=ROOT).stdout.strip()
    return (git("rev-parse", "--short=12", "HEAD") or "unknown") + (" with changes" if git("status", "--porcelain", "--untracked-files=no") else "")


if __name__ == "__main__":
    try:
        main()
    finally:
        run.remove(run.OUT)
