"""Polars, by its lazy scan."""

import polars

from predicates import And, Compare, OPERATORS, Or, without_not


class Polars:
    name, version = "Polars", polars.__version__
    kinds = {"string": polars.String, "json": polars.String, "boolean": polars.Boolean, "int32": polars.Int32, "int64": polars.Int64,
             "double": polars.Float64, "date": polars.Date, "timestamp": polars.Datetime("us", "UTC")}

    def type(self, column):
        if column.kind == "list":
            return polars.List(self.type(column.of))
        return polars.Decimal(column.precision, column.scale) if column.kind == "decimal" else self.kinds[column.kind]

    def types(self, file):
        return list(polars.scan_parquet(file.path).collect_schema().items())

    def cells(self, file):
        return polars.read_parquet(file.path).to_arrow()

    def select(self, file, predicates):
        for p in predicates:
            yield polars.scan_parquet(file.path).filter(self.expression(without_not(p))).select("n").collect().to_series().to_list()

    def expression(self, p):
        match p:
            case And(left, right):
                return self.expression(left) & self.expression(right)
            case Or(left, right):
                return self.expression(left) | self.expression(right)
            case Compare(c, "null", _):
                return polars.col(c.name).is_null()
            case Compare(c, "not null", _):
                return polars.col(c.name).is_not_null()
            case Compare(c, "in" | "not in" as op, constants):
                found = polars.col(c.name).is_in(polars.Series(constants, dtype=self.type(c)).implode())
                return found if op == "in" else ~found
            case Compare(c, op, constants):
                return OPERATORS[op](polars.col(c.name), polars.lit(constants[0]).cast(self.type(c)))
