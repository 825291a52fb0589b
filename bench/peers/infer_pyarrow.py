"""pyarrow's JSON reader, which knows the types when it has read the table."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

import inferred
from inferred import decimal, integer, plain

a = inferred.arguments()
pa.set_cpu_count(a.threads)
types = {}


def add(path, t):
    name = str(t)
    if pa.types.is_struct(t):
        for field in t:
            add(f"{path}.{field.name}", field.type)
    elif pa.types.is_list(t):
        add(path + "[*]", t.value_type)
    elif pa.types.is_decimal(t):
        types[path] = decimal(name, t.precision, t.scale)
    elif pa.types.is_integer(t):
        types[path] = integer(name, t.bit_width, signed=pa.types.is_signed_integer(t))
    elif pa.types.is_timestamp(t):
        types[path] = plain(name, "timestamp" if t.tz else "naive_timestamp")
    else:
        types[path] = plain(name, {"double": "float", "string": "text", "bool": "boolean", "null": "null"}.get(name, "other"))


read = pj.read_json(a.input, read_options=pj.ReadOptions(use_threads=a.threads > 1))
for field in read.schema:
    path = "$." + field.name
    add(path, field.type)
    if types.get(path, {}).get("kind") == "naive_timestamp":  # What was made of offsets?
        types[path]["least"] = pc.min(read[field.name]).as_py().isoformat()
inferred.write(a.output, types)
