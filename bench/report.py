"""RESULTS.md from what was measured, and the plots beside it."""

import os
from statistics import median

import lambdacost
import plots
from plan import KINDS, PEERS

MB, MIB = 1e6, 1 << 20


def ratios(c, what):
    """Peer by sluice, pair by pair."""
    return [p[what] / s[what] for s, p in zip(c["sluice"], c["theirs"])]


def middle(c, who, what):
    return median(r[what] for r in c[who])


def span(values, form="{:.2f}", unit=""):
    values = sorted(values)
    if len(values) == 1:
        return form.format(values[0]) + unit
    return f"{form.format(median(values))}{unit} ({form.format(values[0])}–{form.format(values[-1])})"


def line(c):
    """One comparison, for the terminal."""
    if "error" in c:
        return "no result: " + c["error"]
    return (f"sluice {middle(c, 'sluice', 'wall'):.2f} s, {PEERS[c['peer']].label} {middle(c, 'theirs', 'wall'):.2f} s: {span(ratios(c, 'wall'))} times the wall, "
            f"{span(ratios(c, 'cpu'))} the CPU, {span(ratios(c, 'rss'))} the memory, {span(ratios(c, 'size'))} the output; rows {'equal' if c['rows']['equal'] else 'DIFFER'}")


def unstable(results):
    """Inputs whose output was not the same bytes in all runs."""
    seen = {}
    for c in measured(results):
        seen.setdefault(f"{c['input']} {c['codec']}", set()).add(c["sha256"])
    return [f"{name}: {len(hashes)} different outputs of sluice" for name, hashes in seen.items() if len(hashes) > 1]


def measured(results):
    return [c for c in results["comparisons"].values() if "error" not in c]


def table(head, rows):
    return "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head)] + ["| " + " | ".join(map(str, r)) + " |" for r in rows])


def comparison_rows(cs):
    for c in cs:
        label = PEERS[c["peer"]].label
        if "error" in c:
            yield [c["input"], c["codec"], c["cores"], label, f"no result: {c['error']}", "", "", "", "", "", ""]
            continue
        yield [
            c["input"], c["codec"], c["cores"], label, span([r["wall"] for r in c["sluice"]], unit=" s"), span([r["wall"] for r in c["theirs"]], unit=" s"),
            f"**{span(ratios(c, 'wall'), '{:.1f}')}**", span(ratios(c, "cpu"), "{:.1f}"),
            f"{middle(c, 'sluice', 'rss') / MIB:.0f} / {middle(c, 'theirs', 'rss') / MIB:.0f} MiB",
            f"{middle(c, 'sluice', 'size') / MB:.1f} / {middle(c, 'theirs', 'size') / MB:.1f} MB",
            f"{c['rows']['rows'][0]:,} {'equal' if c['rows']['equal'] else '**DIFFER**'}{'' if c['how'] == 'all' else ' (sums)'}",
        ]


HEAD = ["input", "codec", "cores", "peer", "sluice", "peer's time", "times the wall", "times the CPU", "memory, sluice / peer", "output, sluice / peer", "rows"]


def memory_section(results):
    runs = results["alone"]
    sizes = sorted({r["mb"] for r in runs.values()})
    lines = sorted({(r["form"], r["piped"], r["cores"]) for r in runs.values()}, key=lambda k: (k[1], k[0] != "ndjson", k[2]))
    names = {"ndjson": "NDJSON", "array": "array on one line"}

    def cell(form, piped, cores, mb):
        r = next((r for r in runs.values() if (r["form"], r["piped"], r["cores"], r["mb"]) == (form, piped, cores, mb)), None)
        if r is None:
            return "–"
        return f"no result: {r['error']}" if "error" in r else f"{r['rss'] / MIB:.1f} MiB, {mb / r['wall']:.0f} MB/s"

    rows = [[f"{names[f]}, {'pipe' if p else 'file'}", c, *(cell(f, p, c, mb) for mb in sizes)] for f, p, c in lines]
    return table(["input", "cores", *(f"{mb:,} MB" for mb in sizes)], rows)


def throughput_rows(results):
    """MB of input a second and core."""
    best = {}
    for c in measured(results):
        best.setdefault((c["input"], c["codec"], c["cores"]), []).extend(c["sluice"])
    for (name, codec, cores), runs in sorted(best.items(), key=lambda kv: (kv[0][0].split("-")[0] != "shop", kv[0][0], kv[0][1], kv[0][2])):
        read = results["inputs"][name]["bytes"]
        yield [name, codec, cores, len(runs), span([read / MB / r["wall"] for r in runs], "{:.0f}"), span([read / MB / r["cpu"] for r in runs], "{:.0f}")]


def write(results, folder):
    os.makedirs(folder, exist_ok=True)
    drawn = plots.draw(results, folder)
    with open(os.path.join(folder, "RESULTS.md"), "w") as f:
        f.write(text(results, drawn))


def text(results, drawn):
    m, out = results["machine"], []
    add = out.append
    add("# Results of the benchmark\n\nWritten by `make bench`; [README.md](README.md) says how it measures.\n")
    add(table(["", ""], [
        ["machine", f"{m['cpu']}, {m['cores']} cores, {m['memory'] / (1 << 30):.0f} GiB, {m['system']}"],
        ["sluice", f"{results['sluice']}, {m['go']}"],
        ["peers", ", ".join(f"{n} {v}" for n, v in results["versions"].items()) + f"; Python {m['python']}; Go libraries: peers/go.mod"],
        ["missing", "; ".join(f"{PEERS[n].label}: {why}" for n, why in results["missing"].items()) or "no peer"],
        ["command", f"`{results['command']}`"],
        ["when", results["started"] + (f", {results['seconds'] / 60:.0f} minutes" if "seconds" in results else ", still running")],
    ]) + "\n")
    for name, alt in drawn:
        add(f"![{alt}]({name})\n")
    add("""Every row is a series of pairs: sluice, then the peer, then sluice again. A time is the median of the series (smallest–largest) of the whole process.
"Times" is what the peer took by what sluice took in the same pair: 5.0 is five times as long. Memory is the peak RSS of the largest process.
Both write the same columns and types (`DECIMAL(18,4)`, `TIMESTAMP` in microseconds UTC, text, 64-bit integers) with the same codec, pinned to the same number of cores.
Rows "equal": `EXCEPT ALL` between both files was empty in both directions, and the numbers of rows are those the generator counted; "(sums)": the sum of the hashes of all rows was the same.
""")
    cs = list(results["comparisons"].values())
    duck = [c for c in cs if c["peer"] == "duckdb"]
    if duck:
        add("## Against DuckDB\n\n" + table(HEAD, comparison_rows(duck)) + "\n")
    others = [c for c in cs if c["peer"] != "duckdb"]
    if others:
        add("## Against the others\n\n" + table(HEAD, comparison_rows(others)) + "\n")
    notes = [f"- {p.label}: {p.note}." for p in PEERS.values() if p.note and any(c["peer"] == p.name for c in cs)]
    if notes:
        add("\n".join(notes) + "\n")
    if measured(results):
        add("## sluice's speed\n\nMB (10^6 bytes) of plain JSON a second, over all runs above.\n\n"
            + table(["input", "codec", "cores", "runs", "MB/s", "MB per CPU second"], throughput_rows(results)) + "\n")
        add("The bytes of sluice's output were " + ("**not the same**: " + "; ".join(unstable(results)) if unstable(results)
            else "the same in all runs of an input and codec, whatever the number of cores") + ".\n")
    if results["alone"]:
        add("## sluice's memory by size of input\n\nPeak RSS and speed of one run, zstd. Behind a pipe stands the generator, which shares the cores.\n\n" + memory_section(results) + "\n")
    if cost := lambdacost.section(results):
        add(cost)
    used = sorted({c["input"] for c in cs if c["input"] in results["inputs"]})
    kinds = [[n, f"{results['inputs'][n]['records']:,}", f"{results['inputs'][n]['rows']:,}", f"{results['inputs'][n]['bytes'] / MB:,.0f}",
              f"{results['inputs'][n]['size'] / MB:,.0f}"] for n in used]
    if kinds:
        add("## Inputs\n\n" + "\n".join(f"- {k}: {what}" for k, what in KINDS.items() if any(n.startswith(k + "-") for n in used)) + "\n\n"
            + table(["input", "orders", "rows", "MB of JSON", "MB of the file"], kinds) + "\n")
    return "\n".join(out)
