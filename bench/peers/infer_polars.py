"""polars' scan_ndjson, of which collect_schema reads no more than its sample;
read_ndjson infers alike, and then reads the values."""

import os

import inferred
from inferred import decimal, integer, plain

a = inferred.arguments()
os.environ["POLARS_MAX_THREADS"] = str(a.threads)  # Read when polars is loaded.
import polars as pl  # noqa: E402

lazy = pl.scan_ndjson(a.input, infer_schema_length=None) if a.records == "all" else pl.scan_ndjson(a.input)
types = {}


def add(path, t):
    name = str(t)
    if isinstance(t, pl.Struct):
        for field in t.fields:
            add(f"{path}.{field.name}", field.dtype)
    elif isinstance(t, pl.List):
        add(path + "[*]", t.inner)
    elif isinstance(t, pl.Decimal):
        types[path] = decimal(name, t.precision, t.scale)
    elif t.is_integer():
        types[path] = integer(name, int(name.lstrip("UInt")), signed=t.is_signed_integer())
    elif isinstance(t, pl.Datetime):
        types[path] = plain(name, "timestamp" if t.time_zone else "naive_timestamp")
    else:
        types[path] = plain(name, {"Float64": "float", "String": "text", "Boolean": "boolean", "Null": "null"}.get(name, "other"))


for name, t in lazy.collect_schema().items():
    add("$." + name, t)
inferred.write(a.output, types)
