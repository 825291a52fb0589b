"""Parquet files of sluice, read by readers nobody here wrote."""

import contextlib
import os
import pathlib
import tempfile
import time

os.environ["TZ"] = "UTC"
time.tzset()

import checks
import usage
from cells import counts
from engines.arrow import PyArrow
from engines.clickhouse import ClickHouse
from engines.delta import Delta
from engines.duck import DuckDB
from engines.fusion import DataFusion
from engines.iceberg import Iceberg
from engines.parquetjava import ParquetJava
from engines.polar import Polars
from engines.spark import Spark
from engines.trino import Trino

# The first three, without a process of their own, read every file.
ENGINES = [DuckDB, PyArrow, Polars, Trino, Spark, ParquetJava, DataFusion, ClickHouse, Iceberg, Delta]
CHECKS = [checks.check_types, checks.check_levels, checks.check_lists, checks.check_empty, checks.check_row_groups, checks.check_orders, checks.check_conditions,
          checks.check_pages, usage.check_usage]


def main():
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        engines = []
        for make in ENGINES:
            engines.append(make())
            if hasattr(engines[-1], "close"):
                stack.callback(engines[-1].close)
        print(", ".join(f"{engine.name} {engine.version}" for engine in engines), flush=True)
        for check in CHECKS:
            start = time.monotonic()
            check(engines, folder)
            slowest = ", ".join(f"{name} {s:.1f}" for name, s in checks.seconds.most_common(4))
            print(f"{check.__name__}: {time.monotonic() - start:.1f} s ({slowest})", flush=True)
            checks.seconds.clear()
    for what, number in sorted(counts.items()):
        print(f"{what}: {number}")


if __name__ == "__main__":
    main()
