"""DuckDB's read_json_auto, of which DESCRIBE reads no more than its sample."""

import duckdb

import inferred
from inferred import decimal, integer, plain

a = inferred.arguments()
sample = ", sample_size = -1" if a.records == "all" else ""
db = duckdb.connect(config={"threads": a.threads})
columns = db.execute(f"DESCRIBE SELECT * FROM read_json_auto('{a.input}'{sample})").fetchall()
BITS = {"tinyint": 8, "smallint": 16, "integer": 32, "bigint": 64, "hugeint": 128}
KINDS = {"double": "float", "varchar": "text", "json": "json", "boolean": "boolean", "timestamp with time zone": "timestamp", "timestamp": "naive_timestamp", "null": "null"}
types = {}


def add(path, t):
    name, parts = str(t), dict(t.children) if t.id in ("struct", "list", "decimal", "map") else {}
    if t.id == "struct":
        for member, part in parts.items():
            add(f"{path}.{member}", part)
    elif t.id == "list":
        add(path + "[*]", parts["child"])
    elif t.id == "map":
        add(path + ".*", parts["value"])
    elif t.id == "decimal":
        types[path] = decimal(name, parts["precision"], parts["scale"])
    elif name.lower() in BITS:
        types[path] = integer(name, BITS[name.lower()])
    elif name.lower().removeprefix("u") in BITS:
        types[path] = integer(name, BITS[name.lower().removeprefix("u")], signed=False)
    else:
        types[path] = plain(name, KINDS.get(name.strip('"').lower(), "other"))


for name, t, *_ in columns:
    add("$." + name, duckdb.type(t))
inferred.write(a.output, types)
