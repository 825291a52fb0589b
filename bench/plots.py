"""The plots of RESULTS.md and of the README: SVG of our own making, so that
they follow a reader's light or dark page and need no library."""

import math
import os
from html import escape
from statistics import median

from plan import PEERS, everybodys

STYLE = """
  text { font: 13px -apple-system, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; fill: #24292f }
  .title { font-size: 17px; font-weight: 600 }
  .small { font-size: 12px; fill: #59636e }
  .strong { font-weight: 600 }
  .ours { fill: #0a7d6c }
  .theirs { fill: #b8c0c9 } .line { fill: none; stroke-width: 2.5; stroke-linejoin: round }
  .cut { stroke: #fff; stroke-width: 3 }
  .grid { stroke: #d8dee4; stroke-width: 1 }
  .s0 { stroke: #0a7d6c; fill: #0a7d6c } .s1 { stroke: #d9822b; fill: #d9822b } .s2 { stroke: #5b6ee1; fill: #5b6ee1 }
  .s3 { stroke: #c2477f; fill: #c2477f } .s4 { stroke: #7d6b57; fill: #7d6b57 } .s5 { stroke: #6d9f3c; fill: #6d9f3c }
  .limit { stroke: #0a7d6c; stroke-width: 1; stroke-dasharray: 3 4; opacity: .7 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .small { fill: #9198a1 } .grid { stroke: #30363d }
    .ours { fill: #2fc5ac } .theirs { fill: #545d68 } .cut { stroke: #0d1117 } .limit { stroke: #2fc5ac }
    .s0 { stroke: #2fc5ac; fill: #2fc5ac } .s1 { stroke: #f0a35e; fill: #f0a35e } .s2 { stroke: #93a1ff; fill: #93a1ff }
    .s3 { stroke: #ec7fb0; fill: #ec7fb0 } .s4 { stroke: #b9a58e; fill: #b9a58e } .s5 { stroke: #9ccf68; fill: #9ccf68 }
  }
  .line { fill: none } .line.s0 { stroke-width: 4 }
"""
WIDTH = 760


def svg(height, title, body):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" aria-label="{escape(title)}">'
            f"<title>{escape(title)}</title><style>{STYLE}</style>{''.join(body)}</svg>\n")


def words(x, y, text, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'


def number(n):
    """Three digits at most."""
    return f"{n:,.0f}" if n >= 99.5 else f"{n:.0f}" if n >= 9.95 else f"{n:.1f}" if n >= 0.95 else f"{n:.2f}"


def megabytes(mb):
    return f"{mb / 1000:g} GB" if mb >= 1000 else f"{mb} MB"


def bars(title, below, rows):
    """Horizontal bars: label, value, text behind the bar, whether it is ours."""
    left, right, top, step = 250, 170, 66, 30
    values = sorted(r[1] for r in rows)
    most = values[-1]
    if len(values) > 2 and most > 3 * values[-2]:  # Cut, or the others cannot be told apart.
        most = 1.25 * values[-2]
    body = [words(0, 20, title, "title"), words(0, 42, below, "small")]
    for i, (label, value, behind, ours) in enumerate(rows):
        y = top + i * step
        w = max(2, (WIDTH - left - right) * min(value / most, 1))
        body.append(words(left - 12, y + 15, label, "strong" if ours else "", "end"))
        body.append(f'<rect x="{left}" y="{y}" width="{w:.1f}" height="20" rx="3" class="{"ours" if ours else "theirs"}"/>')
        if value > most:
            x = left + w - 34
            body.append(f'<path d="M{x} {y + 23}l8 -26M{x + 7} {y + 23}l8 -26" class="cut"/>')
        body.append(words(left + w + 8, y + 15, behind, "strong" if ours else "small"))
    return svg(top + len(rows) * step + 4, title, body)


def lines(title, below, series, unit, dashed=None):
    """Lines over the size of the input, both axes logarithmic. series: label,
    points (MB, value); ours first."""
    left, right, top, bottom, height = 70, 190, 66, 44, 420
    xs = [x for _, points in series for x, _ in points]
    ys = [y for _, points in series for _, y in points] + ([dashed] if dashed else [])
    x0, x1 = math.log10(min(xs)), math.log10(max(xs))
    y0, y1 = math.floor(math.log10(min(ys)) * 2) / 2, math.ceil(math.log10(max(ys)) * 2) / 2
    x1 = max(x1, x0 + 0.5)

    def at(x, y):
        return (left + (math.log10(x) - x0) / (x1 - x0) * (WIDTH - left - right),
                height - bottom - (math.log10(y) - y0) / (y1 - y0) * (height - top - bottom))

    body = [words(0, 20, title, "title"), words(0, 42, below, "small")]
    steps = (1, 2, 5) if y1 - y0 < 2 else (1, 3) if y1 - y0 < 3 else (1,)
    for tick in (step * 10 ** decade for decade in range(math.floor(y0), math.ceil(y1) + 1) for step in steps):
        if y0 <= math.log10(tick) <= y1:
            _, y = at(10 ** x0, tick)
            body.append(f'<line x1="{left}" y1="{y:.1f}" x2="{WIDTH - right}" y2="{y:.1f}" class="grid"/>')
            body.append(words(left - 8, y + 4, f"{tick:,g}{unit}", "small", "end"))
    for x in sorted(set(xs)):
        px, _ = at(x, 10 ** y0)
        body.append(words(px, height - bottom + 20, megabytes(x), "small", "middle"))
    if dashed:
        (_, y) = at(10 ** x0, dashed)
        body.append(f'<line x1="{left}" y1="{y:.1f}" x2="{WIDTH - right}" y2="{y:.1f}" class="limit"/>')
        body.append(words(left + 4, y - 5, f"{dashed:g} {unit.strip()}", "small"))
    ends = []
    for i, (label, points) in enumerate(series):
        points = [at(*p) for p in sorted(points)]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        body.append(f'<path d="{path}" class="line s{i}"/>')
        body += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" class="s{i}"/>' for x, y in points]
        x, y = points[-1]
        if x < WIDTH - right - 1:  # It ends before the others: they pass behind it.
            body.append(words(x, y - 12, label, anchor="middle"))
        else:
            ends.append([y, x, label, i])
    # Labels stand at the ends of their lines, pushed apart where they meet.
    ends.sort()
    for before, this in zip(ends, ends[1:]):
        this[0] = max(this[0], before[0] + 16)
    body += [words(x + 10, y + 4, label, "" if i else "strong") for y, x, label, i in ends]
    return svg(height, title, body)


def short(name):
    return PEERS[name].label.replace(" (the Python Lambda)", "").replace("encoding/", "").replace("Go: ", "Go, ")


def draw(results, folder):
    """Draws what there is data for; gives names and descriptions."""
    done = [c for c in results["comparisons"].values() if "error" not in c]
    drawn = []

    def keep(name, alt, picture):
        with open(os.path.join(folder, name), "w") as f:
            f.write(picture)
        drawn.append((name, alt))

    sizes = results["sizes"]
    small = everybodys(sizes)
    for cores in (1, 2):
        group = best_of_each_peer([c for c in done if c["mb"] == small and c["codec"] == "zstd" and c["cores"] == cores and c["input"].split("-")[0] == "shop" and not c["input"].endswith("gzip")])
        if len(group) > 1:
            ours = median(r["wall"] for c in group for r in c["sluice"])
            memory = median(r["rss"] for c in group for r in c["sluice"]) / (1 << 20)
            rows = [("sluice", ours, f"{number(ours)} s, {memory:.0f} MiB", True)]
            for c in sorted(group, key=lambda c: median(ratios(c))):
                wall = ours * median(ratios(c))
                rows.append((short(c["peer"]), wall, f"{number(median(ratios(c)))}× as long, {number(median(r['rss'] for r in c['theirs']) / (1 << 20))} MiB", False))
            keep(f"peers-{cores}.svg", f"Time of sluice and its peers, {cores} core{'s' * (cores > 1)}",
                 bars(f"{megabytes(small)} of nested JSON to Parquet, {cores} core{'s' * (cores > 1)}", "wall time of the whole process and peak memory; same rows, zstd; less is better", rows))

    series = by_size(results, done, sizes)
    if any(len(points) > 1 for _, points in series("rss")):
        keep("memory.svg", "Peak memory by size of the input", lines("Memory by size of the input", "peak RSS, NDJSON, zstd, 2 cores; both axes are logarithmic",
             series("rss", 1 / (1 << 20)), " MiB", dashed=64))
        keep("time.svg", "Time by size of the input", lines("Time by size of the input", "wall time of the whole process, NDJSON, zstd, 2 cores; both axes are logarithmic",
             series("wall"), " s"))
    rows = []
    for form, what in (("ndjson", "NDJSON"), ("array", "array")):
        for who, label in (("sluice", "sluice"), ("theirs", "DuckDB")):
            for cores in (1, 2):
                c = next((c for c in done if c["peer"] == "duckdb" and c["mb"] == sizes[-1] and c["cores"] == cores and c["codec"] == "zstd" and c["input"] == f"shop-{sizes[-1]}-{form}"), None)
                if c:
                    speed = results["inputs"][c["input"]]["bytes"] / 1e6 / median(r["wall"] for r in c[who])
                    rows.append((f"{label}, {what}, {cores} core{'s' * (cores > 1)}", speed, f"{speed:.0f} MB/s", who == "sluice"))
    if rows:
        keep("cores.svg", "Speed of sluice and DuckDB by number of cores",
             bars(f"{megabytes(sizes[-1])} of nested JSON, one core and two", "MB of JSON a second, zstd; more is better", rows))
    return drawn


def ratios(c):
    return [p["wall"] / s["wall"] for s, p in zip(c["sluice"], c["theirs"])]


def best_of_each_peer(cs):
    """One comparison for each peer: NDJSON, else what there is."""
    chosen = {}
    for c in cs:
        if c["peer"] not in chosen or c["input"].endswith("ndjson"):
            chosen[c["peer"]] = c
    return list(chosen.values())


def by_size(results, done, sizes):
    """Points of sluice and of the peers that have more than one size."""
    def series(what, scale=1):
        ours, theirs = {}, {}
        for c in done:
            if c["cores"] == 2 and c["codec"] == "zstd" and c["input"] == f"shop-{c['mb']}-ndjson":
                ours.setdefault(c["mb"], []).extend(r[what] * scale for r in c["sluice"])
                theirs.setdefault(c["peer"], {})[c["mb"]] = median(r[what] * scale for r in c["theirs"])
        for r in results["alone"].values():
            # Behind a pipe the time is the generator's.
            if what == "rss" and "error" not in r and r["form"] == "ndjson" and r["cores"] == 2 and r["mb"] not in sizes:
                ours.setdefault(r["mb"], []).append(r[what] * scale)
        order = [n for n in ("duckdb", "polars", "chdb", "pandas") if len(theirs.get(n, {})) > 1]
        return [("sluice", [(mb, median(v)) for mb, v in ours.items()])] + [(short(n), list(theirs[n].items())) for n in order]
    return series
