"""pyarrow, whose Dataset filters by statistics of row groups."""

import pyarrow
import pyarrow.compute
import pyarrow.dataset
import pyarrow.parquet

from predicates import And, Compare, Or, without_not

TYPES = {"string": pyarrow.string(), "json": pyarrow.string(), "boolean": pyarrow.bool_(), "int32": pyarrow.int32(), "int64": pyarrow.int64(),
         "double": pyarrow.float64(), "date": pyarrow.date32(), "timestamp": pyarrow.timestamp("us", "UTC")}


def arrow_type(column):
    if column.kind == "list":
        return pyarrow.list_(pyarrow.field("element", arrow_type(column.of)))
    return pyarrow.decimal128(column.precision, column.scale) if column.kind == "decimal" else TYPES[column.kind]


def plain_type(column):
    """The same, with moments as microseconds."""
    if column.kind == "list":
        return pyarrow.list_(pyarrow.field("element", plain_type(column.of)))
    return pyarrow.int64() if column.kind == "timestamp" else arrow_type(column)


class PyArrow:
    name, version = "pyarrow", pyarrow.__version__
    type = staticmethod(arrow_type)

    def types(self, file):
        return [(f.name, f.type) for f in pyarrow.parquet.read_schema(file.path)]

    def cells(self, file):
        return pyarrow.parquet.read_table(file.path)

    def select(self, file, predicates):
        data = pyarrow.dataset.dataset(file.path)
        return [data.to_table(columns=["n"], filter=self.expression(without_not(p))).column(0).to_pylist() for p in predicates]

    def expression(self, p):
        match p:
            case And(left, right):
                return self.expression(left) & self.expression(right)
            case Or(left, right):
                return self.expression(left) | self.expression(right)
            case Compare(c, op, constants):
                field, scalars = pyarrow.compute.field(c.name), [pyarrow.scalar(v, arrow_type(c)) for v in constants]
                match op:
                    case "null":
                        return field.is_null()
                    case "not null":
                        return field.is_valid()
                    case "in":
                        return field.isin(scalars)
                    case "not in":
                        return field.is_valid() & ~field.isin(scalars)
                    case "=":
                        return field == scalars[0]
                    case "<>":
                        return field != scalars[0]
                    case "<":
                        return field < scalars[0]
                    case "<=":
                        return field <= scalars[0]
                    case ">":
                        return field > scalars[0]
                    case ">=":
                        return field >= scalars[0]
