"""ClickHouse, in this process (chDB)."""

import chdb
import pyarrow

from predicates import number, sql

AT_ONCE = 30


class ClickHouse:
    name = "ClickHouse"
    null_lists = False

    def __init__(self):
        self.session = chdb.connect(":memory:")
        self.version = str(self.session.query("SELECT version()")).strip().strip('"')

    def close(self):
        self.session.close()

    def able(self, column):
        return column.kind != "list"  # none is NULL

    def table(self, query):
        return pyarrow.ipc.open_file(pyarrow.py_buffer(self.session.query(query, "Arrow").bytes())).read_all()

    def cells(self, file):
        return self.table(f"SELECT * FROM file('{file.path}', Parquet) SETTINGS input_format_parquet_preserve_order = 1")

    def select(self, file, predicates):
        for start in range(0, len(predicates), AT_ONCE):
            some = predicates[start:start + AT_ONCE]
            rows = self.table(" UNION ALL ".join(f"SELECT {i} AS k, assumeNotNull(n) AS n FROM file('{file.path}', Parquet) WHERE {sql(p, self.literal)}"
                                                 for i, p in enumerate(some)))
            found = [[] for _ in some]
            for k, n in zip(rows["k"].to_pylist(), rows["n"].to_pylist()):
                found[k].append(n)
            yield from found

    def literal(self, column, v):
        if column.kind == "timestamp":
            return f"fromUnixTimestamp64Micro({v}, 'UTC')"
        if column.kind == "date":
            return f"toDate32('{v}')"
        if column.kind in ("string", "json"):
            return "'" + v.replace("\\", "\\\\").replace("'", "\\'").replace("\0", "\\0") + "'"
        return number(column, v)
