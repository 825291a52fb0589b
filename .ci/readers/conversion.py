"""A mapping and what it must make of records, computed in Python, and the
command run with it. Nothing here is shared with sluice: a number is its text,
a decimal is decimal.Decimal."""

import datetime
import decimal
import json
import os
import re
import subprocess

decimal.getcontext().prec = 80


class Number(str):
    """A JSON number as it is written."""


class Column:
    """A column: name, path from the record ("*" for [*]), type, and whatever
    else stands in the mapping, as YAML."""

    def __init__(self, name, path, type, more=""):
        self.name, self.path, self.type, self.more = name, path.split("."), type, more
        self.kind = re.match(r"\w+", type)[0]
        if self.kind == "list":
            self.of = Column(name, path, type[len("list<"):-1])
        if self.kind == "decimal":
            self.precision, self.scale = map(int, re.findall(r"\d+", type))

    def __repr__(self):
        return f"{self.name} {self.type}"


class Mapping:
    def __init__(self, table, explode, columns, records=("$[*]", "$.orders[*]", "$"), provenance=False):
        self.table, self.records, self.provenance = table, records, provenance
        self.explode = explode.split(".") if explode else []
        self.mapped = columns
        self.columns = list(columns)
        if provenance:
            self.columns += [Column("_source_key", "", "string"), Column("_source_offset", "", "int64"),
                             Column("_record", "", "int64")]
            self.columns += [Column(n, "", "int64") for n in ("_line", "_subline")[:self.explode.count("*")]]

    def yaml(self):
        lines = [f"table: {self.table}", f"records: {json.dumps(self.records)}", f"provenance: {json.dumps(self.provenance)}"]
        if self.explode:
            lines.append(f'explode: "{jsonpath(self.explode)}"')
        lines.append("columns:")
        for c in self.mapped:
            lines.append(f'  - {{name: {c.name}, path: "{jsonpath(c.path)}", type: "{c.type}"{c.more}}}')
        return "\n".join(lines) + "\n"

    def rows(self, records, source="", offsets=None):
        """The rows of records, each a tuple with a value for each column."""
        all = []
        for i, record in enumerate(records):
            for ordinals in elements(record, self.explode):
                row = [value(c, lookup(record, c.path, ordinals)) for c in self.mapped]
                if self.provenance:
                    row += [source, offsets[i], i, *ordinals]
                all.append(tuple(row))
        return all


def jsonpath(path):
    return "$" + "".join("[*]" if p == "*" else "." + p for p in path)


def elements(value, path):
    """The ordinals of the elements that path leads to."""
    for i, step in enumerate(path):
        if step == "*":
            return [(n, *rest) for n, element in enumerate(value) for rest in elements(element, path[i + 1:])]
        value = value[step]
    return [()]


def lookup(value, path, ordinals):
    ordinals = iter(ordinals)
    for step in path:
        if value is None:
            return None
        value = value[next(ordinals)] if step == "*" else value.get(step)
    return value


TIMESTAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(Z|[+-]\d\d(?::?\d\d)?)?)?")
EPOCH = datetime.datetime(1970, 1, 1)
MICROSECOND = datetime.timedelta(microseconds=1)


def micros(text):
    """Microseconds since 1970 UTC of a timestamp's text."""
    year, month, day, hour, minute, second, fraction, zone = TIMESTAMP.fullmatch(text).groups()
    at = datetime.datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    n = (at - EPOCH) // MICROSECOND + int((fraction or "").ljust(6, "0")[:6])
    if zone and zone != "Z":
        east = int(zone[1:3]) * 60 + int(zone[3:].lstrip(":") or 0)
        n -= (east if zone[0] == "+" else -east) * 60_000_000
    return n


def value(column, v):
    """What a column holds for a JSON value."""
    if v is None:
        return None
    match column.kind:
        case "string":
            return {True: "true", False: "false"}[v] if isinstance(v, bool) else str(v)
        case "boolean":
            return v if isinstance(v, bool) else {"true": True, "false": False}[v]
        case "int32" | "int64":
            return int(decimal.Decimal(v))
        case "double":
            return float(v)
        case "decimal":
            exact = decimal.Decimal(v)
            scaled = exact.quantize(decimal.Decimal(1).scaleb(-column.scale))
            assert scaled == exact, (column.name, v)
            return scaled + 0  # -0 is 0
        case "date":
            return datetime.date.fromisoformat(v)
        case "timestamp":
            return micros(v)
        case "json":
            return v
        case "list":
            return [value(column.of, e) for e in v]
    raise ValueError(column.type)


def dump(v):
    """JSON text of a value, compact."""
    if isinstance(v, Number):
        return str(v)
    if isinstance(v, dict):
        return "{" + ",".join(dump(k) + ":" + dump(e) for k, e in v.items()) + "}"
    if isinstance(v, list):
        return "[" + ",".join(map(dump, v)) + "]"
    return json.dumps(v, ensure_ascii=False)


def run(arguments, stdin=None, exit_code=0):
    """Runs the command and gives its report, if it makes one."""
    p = subprocess.run([os.environ["SLUICE"], *map(str, arguments)], input=stdin, capture_output=True)
    if p.returncode != exit_code:
        raise SystemExit(f"sluice {arguments}: exit code {p.returncode}\n{p.stdout[-2000:]}\n{p.stderr[-2000:]}")
    return p.stdout


def convert(folder, name, mapping, data, codec="zstd", threads=1):
    """Converts data and gives the path of the Parquet file and the report."""
    source, target, yaml = folder / f"{name}.json", folder / f"{name}.{codec}.parquet", folder / f"{name}.yaml"
    source.write_bytes(data)
    yaml.write_text(mapping.yaml())
    report = json.loads(run(["convert", source, "-o", target, "-m", yaml, "--codec", codec,
                             "--threads", threads, "--report", "json"]))
    assert report["outcome"] == "accept", (name, report)
    return target, report
