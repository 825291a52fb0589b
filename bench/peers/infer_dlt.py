"""dlt, which infers while it normalizes: a resource of dicts, as its
documentation reads NDJSON; extract and normalize, nothing is loaded."""

import os
import shutil
import tempfile

import inferred
from inferred import integer, plain

a = inferred.arguments()
work = tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(a.output)))
os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": work}
import dlt  # noqa: E402
from dlt.common import json  # noqa: E402


@dlt.resource(name="orders")
def orders():
    with open(a.input, "rb") as f:
        batch = []
        for line in f:
            batch.append(json.loadb(line))
            if len(batch) == 1000:
                yield batch
                batch = []
        yield batch


def kind(column):
    name = column["data_type"]
    if name == "bigint":
        return integer(name, 64)
    if name == "timestamp":
        return plain(name, "timestamp" if column.get("timezone", True) else "naive_timestamp")
    return plain(name, {"double": "float", "text": "text", "bool": "boolean", "json": "json"}.get(name, "other"))


try:
    pipeline = dlt.pipeline("bench", destination="duckdb", pipelines_dir=work)
    pipeline.extract(orders())
    counts = pipeline.normalize().row_counts
    tables = pipeline.default_schema.tables
    types, rows = {}, {}

    def path_of(table):
        parent = tables[table].get("parent")
        return f"{path_of(parent)}.{table[len(parent) + 2:].replace('__', '.')}[*]" if parent else "$"

    for table in tables:
        if table.startswith("_dlt"):
            continue
        path = path_of(table)
        if path != "$":
            rows[path] = counts[table]
        for name, column in tables[table]["columns"].items():
            if name.startswith("_dlt") or "data_type" not in column:
                continue
            # What does not fit a column goes to one of its own: weight__v_double.
            name = name.split("__v_")[0] if column.get("variant") else name
            at = path + "." + name.replace("__", ".")
            if at in types:
                types[at] = {"name": f"{types[at]['name']} and {column['data_type']}", "kind": "columns", "columns": [types[at], kind(column)]}
            else:
                types[at] = kind(column)
    inferred.write(a.output, types, rows)
finally:
    shutil.rmtree(work)
