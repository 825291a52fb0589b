"""The benchmark of `sluice mapping infer`: what it costs to find out the types
of a document, beside everybody else who does, and what each gets wrong on the
same document. See README.md beside this file; `make bench-infer` runs it."""

import argparse
import glob
import hashlib
import json
import os
import sys
import time
from dataclasses import dataclass
from statistics import median

import judge
import plots
import run
from bench import commit, machine
from plan import DATA, HERE, Input
from report import MIB, span, table

# Members that bench/gen adds to orders, and what makes their types hard to find.
TRAPS = {
    "gift_message": "only in the last record",
    "total": "money, 2 to 4 digits after the point",
    "tax": "the same as text",
    "payment_id": "an integer above 2^53",
    "session_id": "an integer above 2^64",
    "customer_number": "digits with a zero in front",
    "reference": "an integer; a text in some records after the first 20,480",
    "weight": "an integer; a fraction in some records after the first 20,480",
    "coupon": "null in the first 20,480 records, then null or a text",
    "refunds": "a list that is empty in the first 10,000 records",
    "taxes": "a list of objects, beside another",
    "placed_at": "a time with an offset",
}
TRAPS_MB = 32  # some 31,000 records: samples end before, and dlt gets through in time
DLT_MB = 64


@dataclass(frozen=True)
class Tool:
    label: str
    package: str
    records: str = "all"
    note: str = ""
    most: int = 1 << 60  # MB it is given

    def command(self, source, output, threads):
        return [sys.executable, os.path.join(HERE, "peers", f"infer_{self.package}.py"), source, output, "--records", self.records, "--threads", str(threads)]


TOOLS = {
    "duckdb": Tool("DuckDB, all records", "duckdb", note="`DESCRIBE SELECT * FROM read_json_auto(…, sample_size = -1)`"),
    "duckdb-sample": Tool("DuckDB, default sample", "duckdb", "default", "`DESCRIBE SELECT * FROM read_json_auto(…)`: 20,480 records"),
    "polars": Tool("polars, all records", "polars", note="`scan_ndjson(…, infer_schema_length=None).collect_schema()`"),
    "polars-sample": Tool("polars, default sample", "polars", "default", "`scan_ndjson(…).collect_schema()`: 100 records"),
    "pyarrow": Tool("pyarrow", "pyarrow", note="`pyarrow.json.read_json(…).schema`: it reads the whole table, and keeps it in memory"),
    "dlt": Tool("dlt", "dlt", note="`pipeline.extract`, `pipeline.normalize`: it also writes the rows, as files to load; on one thread", most=DLT_MB),
}


def infer_command(source, output, threads):
    return [run.SLUICE, "mapping", "infer", source, "-o", output, "--threads", str(threads)]


def convert_command(source, output, mapping, threads):
    return [run.SLUICE, "convert", source, "-o", output, "-m", mapping, "--threads", str(threads), "--report", "json"]


def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--mb", type=int, default=1000, help="size of the document in MB (10^6 bytes) (default %(default)s)")
    p.add_argument("--cores", default="1,2", help="numbers of cores (default %(default)s)")
    p.add_argument("--pairs", type=int, default=3, help="pairs of runs of each comparison (default %(default)s; dlt 1)")
    p.add_argument("--seconds", type=float, default=240, help="longest a run may take (default %(default).0f)")
    p.add_argument("--output", default=HERE, help="folder of INFER.md and the plot (default bench)")
    p.add_argument("--smoke", action="store_true", help="a few MB, one run each; fails if sluice gets a type wrong, or DuckDB or pyarrow is missing")
    p.add_argument("--report", action="store_true", help="measure nothing, only write the report anew")
    a = p.parse_args()
    if a.smoke:
        a.mb, a.cores, a.pairs, a.output = 4, "2", 1, os.path.join(DATA, "smoke")
    os.makedirs(DATA, exist_ok=True)
    os.makedirs(a.output, exist_ok=True)
    store = os.path.join(DATA, f"infer-{os.path.basename(os.path.abspath(a.output))}.json")
    if a.report:
        with open(store) as f:
            write(json.load(f), a.output)
        return

    run.build([])
    versions, missing = run.installed({n: t.package for n, t in TOOLS.items()})
    for name, why in missing.items():
        print(f"missing: {TOOLS[name].label}: {why}")
    results = {
        "machine": machine(), "command": " ".join(["python bench/infer.py", *sys.argv[1:]]), "sluice": commit(), "versions": {TOOLS[n].package: v for n, v in versions.items()},
        "missing": missing, "mb": a.mb, "started": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), "load": [], "verdicts": {}, "costs": [],
    }
    tools = {n: t for n, t in TOOLS.items() if n not in missing}

    def save():
        with open(store, "w") as f:
            json.dump(results, f, indent=1)
        write(results, a.output)

    def judged(mb):
        print(f"what each gets wrong in {mb} MB", flush=True)
        results["verdicts"][str(mb)] = verdicts(mb, tools, a)
        for name, v in results["verdicts"][str(mb)]["tools"].items():
            print(f"    {label(name)}: {v['counts']}{', ' + v['stopped'] if v['stopped'] else ''}", flush=True)
        save()

    judged(TRAPS_MB)
    for cores in map(int, a.cores.split(",")):
        for name in [*tools, "convert orders", "convert inferred"]:
            results["costs"].append(cost := compare(name, cores, a, results["load"]))
            print("   ", label(name), cores, cost.get("error") or f"{span(ratios(cost, 'wall'))} times the wall, {span(ratios(cost, 'cpu'))} the CPU", flush=True)
            save()
    if a.mb > TRAPS_MB:
        judged(a.mb)
    wrong = [f"{path}: {said}" for v in results["verdicts"].values() for path, (mark, said) in v["tools"]["sluice"]["paths"].items() if mark == judge.WRONG]
    wrong += [f"sluice: {v['tools']['sluice']['stopped']}" for v in results["verdicts"].values() if v["tools"]["sluice"]["stopped"]]
    if a.smoke:
        wrong += [f"{n} is missing: {why}" for n, why in missing.items() if n in ("duckdb", "pyarrow")]
        wrong += [f"{label(c['tool'])}: {c['error']}" for c in results["costs"] if "error" in c]
    if wrong:
        sys.exit("bench: FAILED: " + "; ".join(wrong))


def label(name):
    return TOOLS[name].label if name in TOOLS else {"sluice": "sluice", "convert orders": "`sluice convert -m orders`", "convert inferred": "`sluice convert`, mapping inferred"}[name]


def verdicts(mb, tools, a):
    """What each tool finds in the document with all traps. One that stops
    there gets each trap in a document of its own, with the same values."""
    whole = Input("traps", mb, "ndjson")
    made = run.generate(whole)
    true = truth(whole)
    if true["records"] != made["records"]:
        raise SystemExit(f"bench: {whole.name} has {true['records']:,} records, the generator counted {made['records']:,}")
    out = {"records": true["records"], "described": {p: judge.described(k) for p, k in true["values"].items()}, "tools": {}}
    for name in ["sluice", *tools]:
        if name in tools and mb > tools[name].most:
            continue
        stopped, paths = "", {}
        try:
            found = found_by(name, whole, true["records"], a)
        except run.Failed as e:
            stopped, found = str(e), {"types": {}, "rows": {}}
            if mb != TRAPS_MB:
                out["tools"][name] = {"paths": {}, "stopped": stopped, "counts": dict.fromkeys((judge.RIGHT, judge.LOOSE, judge.WRONG), "")}
                continue
            for trap in TRAPS:
                alone = Input(f"traps.{trap}", mb, "ndjson", orders=made["records"])
                run.generate(alone)
                try:
                    found["types"] |= {p: t for p, t in found_by(name, alone, true["records"], a)["types"].items() if p not in found["types"]}
                except run.Failed as e:
                    found["types"] |= {p: {"name": f"stopped: {str(e)}", "kind": "stopped"} for p in true["values"] if member(p) == trap}
                run.remove(alone.path)
                run.remove(alone.path + ".meta")
        for path, kinds in true["values"].items():
            t = found["types"].get(path)
            mark, why = judge.verdict(t, kinds)
            paths[path] = [mark, ": ".join(filter(None, [t["name"] if t else "", why]))]
        for path, rows in found["rows"].items():
            if rows != true["elements"][path]:
                paths[path] = [judge.WRONG, f"{rows:,} rows of {true['elements'][path]:,}"]
        marks = [mark for mark, _ in paths.values()]
        out["tools"][name] = {"paths": paths, "stopped": stopped, "counts": {m: marks.count(m) for m in (judge.RIGHT, judge.LOOSE, judge.WRONG)}}
    return out


def truth(i):
    """What the judge finds in an input, kept beside it: 1 GB takes it two minutes."""
    note = i.path + ".truth"
    with open(judge.__file__, "rb") as f:
        version = run.generator() + hashlib.sha256(f.read()).hexdigest()
    if os.path.exists(note):
        with open(note) as f:
            known = json.load(f)
        if known["version"] == version:
            return known["truth"]
    true = judge.truth(i.path)
    with open(note, "w") as f:
        json.dump({"version": version, "truth": true}, f)
    return true


def member(path):
    return path.split(".")[1].removesuffix("[*]")


def found_by(name, i, records, a):
    """Types and rows, as the tool itself says."""
    cores = len(os.sched_getaffinity(0))
    output = run.fresh("types.json" if name in TOOLS else "mapping.yaml")
    if name in TOOLS:
        run.measure(TOOLS[name].command(i.path, output, cores), cores, a.seconds)
        with open(output) as f:
            return json.load(f)
    run.measure(infer_command(i.path, output, cores), cores, a.seconds)
    tables = run.fresh("tables") + "/"
    run.measure(convert_command(i.path, tables, output, cores), cores, a.seconds)
    with open(run.LOG) as f:
        counts = json.loads(f.read().splitlines()[-1])
    if counts["records_committed"] != records:
        raise run.Failed(f"the mapping takes {counts['records_committed']:,} of {records:,} records")
    return in_mapping(output, tables)


def in_mapping(mapping, tables):
    """The types of the mapping sluice made, and the rows of its tables."""
    import pyarrow.parquet as pq
    import yaml
    with open(mapping) as f:
        made = yaml.safe_load(f)
    types, rows = {}, {}
    for t in made["tables"]:
        if "explode" in t:
            files = glob.glob(os.path.join(glob.escape(tables), t["table"], "**", "*.parquet"), recursive=True)
            rows[t["explode"]] = sum(pq.read_metadata(f).num_rows for f in files)
        for c in t["columns"]:
            path, name = c["path"], c["type"]
            if inner := name.removeprefix("list<").removesuffix(">") if name.startswith("list<") else "":
                path, name = path + "[*]", inner
            types[path] = sluice_type(name)
    return {"types": types, "rows": rows}


def sluice_type(name):
    if name in ("int32", "int64"):
        bits = int(name[3:])
        return {"name": name, "kind": "integer", "least": -(1 << bits - 1), "greatest": (1 << bits - 1) - 1}
    if name.startswith("decimal("):
        precision, scale = map(int, name[8:-1].split(","))
        return {"name": name, "kind": "decimal", "precision": precision, "scale": scale}
    return {"name": name, "kind": {"string": "text", "double": "float"}.get(name, name)}


def compare(name, cores, a, load):
    """Runs sluice and a tool in turn on orders without traps, with which none stops."""
    i = Input("shop", min(a.mb, TOOLS[name].most) if name in TOOLS else a.mb, "ndjson")
    run.generate(i)
    run.warm(i.path)
    out = {"tool": name, "cores": cores, "mb": i.mb, "sluice": [], "theirs": []}
    try:
        for _ in range(1 if name == "dlt" else a.pairs):
            mapping, theirs = run.fresh("mapping.yaml"), run.fresh("theirs")
            load.append(os.getloadavg()[0])
            out["sluice"].append(run.measure(infer_command(i.path, mapping, cores), cores, a.seconds))
            command = TOOLS[name].command(i.path, theirs, cores) if name in TOOLS else convert_command(
                i.path, theirs + "/", mapping if name == "convert inferred" else "orders", cores)
            out["theirs"].append(run.measure(command, cores, a.seconds))
            run.remove(theirs)
    except run.Failed as e:
        out["error"] = str(e)
    return out


def ratios(c, what):
    return [t[what] / s[what] for s, t in zip(c["sluice"], c["theirs"])]


def write(results, folder):
    with open(os.path.join(folder, "INFER.md"), "w") as f:
        f.write(text(results))
    if results["costs"]:
        with open(os.path.join(folder, "infer.svg"), "w") as f:
            f.write(picture(results))


def picture(results):
    """CPU time, which other work on the machine disturbs least; of the most cores that all had."""
    done = [c for c in results["costs"] if "error" not in c and c["mb"] == results["mb"]]
    cores = max((c["cores"] for c in done), default=0)
    done = [c for c in done if c["cores"] == cores]
    ours = median(r["cpu"] for c in done for r in c["sluice"])
    memory = max(r["rss"] for c in done for r in c["sluice"]) / MIB
    rows = [("sluice mapping infer", ours, f"{plots.number(ours)} s, {memory:.0f} MiB", True)]
    for c in sorted(done, key=lambda c: median(ratios(c, "cpu"))):
        cpu = ours * median(ratios(c, "cpu"))
        rows.append((label(c["tool"]).replace("`", ""), cpu, f"{plots.number(median(ratios(c, 'cpu')))}×, {plots.number(max(r['rss'] for r in c['theirs']) / MIB)} MiB", c["tool"].startswith("convert")))
    return plots.bars(f"The types of {plots.megabytes(results['mb'])} of orders, {cores} core{'s' * (cores > 1)}", "CPU seconds of the whole process and peak memory; less is better", rows)


SIGNS = {judge.RIGHT: "✓", judge.LOOSE: "~", judge.WRONG: "✗"}


def text(results):
    m, out = results["machine"], []
    add = out.append
    add("# Results of the benchmark of `mapping infer`\n\nWritten by `make bench-infer`; [README.md](README.md#types-that-are-inferred) says how it measures.\n")
    add(table(["", ""], [
        ["machine", f"{m['cpu']}, {m['cores']} cores, {m['memory'] / (1 << 30):.0f} GiB, {m['system']}"],
        ["sluice", f"{results['sluice']}, {m['go']}"],
        ["peers", ", ".join(f"{n} {v}" for n, v in results["versions"].items()) + f"; Python {m['python']}"],
        ["missing", "; ".join(f"{label(n)}: {why}" for n, why in results["missing"].items()) or "no peer"],
        ["command", f"`{results['command']}`"],
        ["when", results["started"]],
        ["load", f"{min(results['load'], default=0):.1f} to {max(results['load'], default=0):.1f} (of the last minute, before each pair; a pair itself makes 1 or 2)"],
    ]) + "\n")
    add("![CPU time and memory to find the types](infer.svg)\n")
    add("## What it costs\n\nOrders of a shop, without traps, as NDJSON. Pairs as in [RESULTS.md](RESULTS.md): medians (smallest–largest) of the whole process. \"Times\" is what the other took by what `sluice mapping infer` took: below 1, the other is faster.\n")
    rows = []
    for c in results["costs"]:
        if "error" in c:
            rows.append([label(c["tool"]), c["cores"], f"{c['mb']:,} MB", f"no result: {c['error']}", "", "", "", "", ""])
            continue
        rows.append([label(c["tool"]), c["cores"], f"{c['mb']:,} MB", *(span([r[what] for r in c[who]], unit=" s") for what in ("wall", "cpu") for who in ("sluice", "theirs")),
                     f"**{span(ratios(c, 'wall'))}**", f"**{span(ratios(c, 'cpu'))}**",
                     f"{max(r['rss'] for r in c['sluice']) / MIB:.0f} / {max(r['rss'] for r in c['theirs']) / MIB:,.0f} MiB"])
    add(table(["beside", "cores", "input", "sluice, wall", "other, wall", "sluice, CPU", "other, CPU", "times the wall", "times the CPU", "memory, sluice / other"], rows) + "\n")
    add("\n".join(f"- {t.label}: {t.note}." for n, t in TOOLS.items() if n not in results["missing"]) + "\n")
    add("sluice also tries the presets, writes the mapping with what it saw, and shows the first rows. No peer but dlt makes tables of lists.\n")
    add("## What each got wrong\n\nThe same orders with members whose types are hard to find. ✓: the type holds every value exactly, as what it is. ~: every value, but as text, as JSON, or in two columns: the reader casts it.\n"
        "✗: values are lost, rounded or refused. \"Not exact\" counts numbers that no double equals, such as 0.1: they print alike, but sums of them differ. \"Lose digits\": they do not print alike. "
        "What stands in a document is found by Python's JSON parser; [judge.py](judge.py) compares it with the type that the tool said. No type is expected beforehand.\n")
    for mb, v in results["verdicts"].items():
        add(f"### {int(mb):,} MB, {v['records']:,} records\n")
        add(table(["", "✓", "~", "✗", "wrong at", "stopped"],
                  [[label(n), *t["counts"].values(), ", ".join(f"`{p}`" for p, (mark, _) in t["paths"].items() if mark == judge.WRONG), t["stopped"]]
                   for n, t in v["tools"].items()]) + "\n")
    add(f"### Each type, in {TRAPS_MB} MB\n")
    v = results["verdicts"][str(TRAPS_MB)]
    if any(t["stopped"] for t in v["tools"].values()):
        add("Who stopped was then given each member in a document of its own, with the same values.\n")
    shown = [p for p in v["described"] if any(t["paths"][p][0] != judge.RIGHT for t in v["tools"].values())]
    # A table of a list has the wrong number of rows.
    shown += sorted({p for t in v["tools"].values() for p in t["paths"]} - v["described"].keys())
    add(table(["path", "what makes it hard", "values, but null", *(label(n) for n in v["tools"])],
              [[f"`{p}`", TRAPS.get(member(p), ""), v["described"].get(p, "rows of a table"), *(cell(t["paths"].get(p)) for t in v["tools"].values())] for p in shown]) + "\n")
    add("Right everywhere: " + ", ".join(f"`{p}`" for p in v["described"] if p not in shown) + ".\n")
    return "\n".join(out)


def cell(verdict):
    return f"{SIGNS[verdict[0]]} {verdict[1]}" if verdict else "–"


if __name__ == "__main__":
    try:
        main()
    finally:
        run.remove(run.OUT)
