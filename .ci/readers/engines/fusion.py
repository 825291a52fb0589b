"""DataFusion, which looks at row groups, pages and bloom filters."""

import datafusion

from predicates import number, sql


def literal(column, v):
    if column.kind == "timestamp":
        return f"""arrow_cast({v}, 'Timestamp(Microsecond, Some("UTC"))')"""
    if column.kind in ("string", "json"):
        return "'" + v.replace("'", "''") + "'"
    return number(column, v)


class DataFusion:
    name, version = "DataFusion", datafusion.__version__

    def __init__(self):
        settings = datafusion.SessionConfig({"datafusion.execution.parquet.pushdown_filters": "true", "datafusion.execution.target_partitions": "1"})
        self.context = datafusion.SessionContext(settings)

    def cells(self, file):
        return self.context.read_parquet(str(file.path)).to_arrow_table()

    def select(self, file, predicates):
        self.context.deregister_table("file")
        self.context.register_parquet("file", str(file.path))
        for p in predicates:
            yield self.context.sql(f"SELECT n FROM file WHERE {sql(p, literal)}").to_pydict()["n"]
