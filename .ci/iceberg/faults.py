"""Conditions that an engine answers wrong, whoever wrote the table, in the versions that
are read here. All of them give all rows of every table."""

import datetime

from filters import columns
from predicates import Compare, Not

ENDS = [-62135596800000000, 253402300799999999, datetime.date.min, datetime.date.max]


def comparisons(p):
    match p:
        case Compare():
            return [p]
        case Not(of):
            return comparisons(of)
    return comparisons(p.left) + comparisons(p.right)


def duckdb(table, p):
    # The second before 1970 is of the day 1970-01-01, in a partition by day.
    # Where a decimal is truncated, one of up to 9 digits is read with too many bytes, and one near the largest overflows.
    if table.name == "truncate" and any(c.column.kind == "decimal" and c.constants for c in comparisons(p)):
        return True
    days = [name for name, transform, _ in table.partition if transform == "day"]
    return any(c.column.kind == "timestamp" and c.column.name in days and c.op in ("=", "in", "<>") and min(c.constants) < 0 for c in comparisons(p))


def pyiceberg(table, p):
    some = comparisons(p)
    return (
        # A NULL in a partition is compared: TypeError.
        table.partition and not isinstance(p, Compare)
        # The next day, month or year is computed: OverflowError.
        or any(v in ENDS for c in some for v in c.constants)
        # The constant has the type that the column had: ArrowInvalid.
        or table.name == "evolved" and any(c.column.kind == "decimal" for c in some)
        # A row group of zeros has the bounds -0 and +0, which pyarrow takes for equal and then compares as bits.
        or any(c.column.kind == "double" and c.op in ("in", "not in") and 0.0 in c.constants for c in some))


def iceberg_go(table, p):
    # Bounds of an int that became a long: "expected 8 bytes".
    if table.name == "evolved" and any(c.name in ("i", "by_i", "by_bucket", "by_width") for c in columns(p)):
        return True
    # Bounds of decimals lose their scale: long ones overflow where they are compared.
    return any(c.kind == "decimal" and c.precision > 18 for c in columns(p))


def spark(table, p):
    # In an OR over identity partitions, NULL <> 1 is true.
    return any(transform == "identity" for _, transform, _ in table.partition) and not isinstance(p, Compare)


def trino(table, p):
    # A NULL in a partition by truncate of texts is looked up in a set: NullPointerException.
    truncated = [name for name, transform, _ in table.partition if transform.startswith("truncate")]
    return any(c.column.kind == "string" and c.column.name in truncated and c.op == "in" for c in comparisons(p))


FAULTS = {"DuckDB": duckdb, "pyiceberg": pyiceberg, "iceberg-go": iceberg_go, "Spark": spark, "Trino": trino}
