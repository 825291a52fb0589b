"""DuckDB."""

import duckdb

from predicates import number, sql


class DuckDB:
    name, version = "DuckDB", duckdb.__version__
    kinds = {"string": "VARCHAR", "json": "VARCHAR", "boolean": "BOOLEAN", "int32": "INTEGER", "int64": "BIGINT", "double": "DOUBLE",
             "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE"}

    def __init__(self):
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone='UTC'; SET threads=1")

    def type(self, column):
        if column.kind == "list":
            return self.type(column.of) + "[]"
        return column.type.upper() if column.kind == "decimal" else self.kinds[column.kind]

    def rows(self, file):
        """What stands behind FROM."""
        return f"read_parquet('{file.path}')"

    def types(self, file):
        return [(name, kind) for name, kind, *_ in self.db.execute(f"DESCRIBE SELECT * FROM {self.rows(file)}").fetchall()]

    def cells(self, file):
        return self.db.execute(f"SELECT * FROM {self.rows(file)}").to_arrow_table()

    def select(self, file, predicates):
        for p in predicates:
            texts = []

            def literal(column, v):
                if column.kind == "timestamp":
                    return f"make_timestamptz({v})"
                if column.kind in ("string", "json"):
                    texts.append(v)
                    return "?"
                return number(column, v)

            condition = sql(p, literal)
            yield [n for n, in self.db.execute(f"SELECT n FROM {self.rows(file)} WHERE {condition}", texts).fetchall()]
