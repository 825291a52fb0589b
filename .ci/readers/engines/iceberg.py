"""pyiceberg: add_files takes the statistics of our footer into the table, and
a scan leaves out files by them."""

import itertools
import tempfile

import pyarrow
import pyiceberg
import pyiceberg.catalog.sql
from pyiceberg import expressions

from engines.arrow import arrow_type
from predicates import And, Compare, Or, without_not

COMPARISONS = {"=": expressions.EqualTo, "<": expressions.LessThan, "<=": expressions.LessThanOrEqual, ">": expressions.GreaterThan,
               ">=": expressions.GreaterThanOrEqual, "<>": expressions.NotEqualTo, "in": expressions.In, "not in": expressions.NotIn}


class Iceberg:
    name, version = "pyiceberg", pyiceberg.__version__

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.catalog = pyiceberg.catalog.sql.SqlCatalog("files", uri=f"sqlite:///{self.folder.name}/catalog", warehouse=f"file://{self.folder.name}")
        self.catalog.create_namespace("files")
        self.names = (f"files.t{i}" for i in itertools.count())

    def close(self):
        self.folder.cleanup()

    def able(self, column):
        """It has no conditions on lists."""
        return column.kind != "list"

    def table(self, file):
        table = self.catalog.create_table(next(self.names), pyarrow.schema([(c.name, arrow_type(c)) for c in file.columns]))
        table.add_files([str(file.path)])
        return table

    def cells(self, file):
        return self.table(file).scan().to_arrow()

    def select(self, file, predicates):
        table = self.table(file)
        for p in predicates:
            yield table.scan(self.expression(without_not(p)), selected_fields=("n",)).to_arrow().column(0).to_pylist()

    def expression(self, p):
        match p:
            case And(left, right):
                return expressions.And(self.expression(left), self.expression(right))
            case Or(left, right):
                return expressions.Or(self.expression(left), self.expression(right))
            case Compare(c, "null", _):
                return expressions.IsNull(c.name)
            case Compare(c, "not null", _):
                return expressions.NotNull(c.name)
            case Compare(c, op, constants):
                values = [self.literal(c, v) for v in constants]
                found = COMPARISONS[op](c.name, set(values) if op in ("in", "not in") else values[0])
                # To Iceberg, NULL is not in anything, and different from all.
                return expressions.And(expressions.NotNull(c.name), found) if op in ("<>", "not in") else found

    def literal(self, column, v):
        return v
