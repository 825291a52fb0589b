"""Parquet files of sluice, read by readers nobody here wrote: DuckDB, pyarrow,
polars and Spark. Every cell is compared with what Python makes of the JSON."""

import collections
import gzip
import hashlib
import json
import os
import pathlib
import random
import struct
import tempfile
import time

os.environ["TZ"] = "UTC"
os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
time.tzset()

import duckdb
import polars
import pyarrow
import pyarrow.compute
import pyarrow.parquet
import pyspark.sql

import orders
from conversion import Column, Mapping, Number, convert, dump, run

FILES = 240  # of random orders
CODECS = ["zstd", "snappy", "none"]


# Each reader gives the names and types of the columns, the rows, and how many
# rows a condition leaves. Timestamps come as microseconds since 1970.

class DuckDB:
    types = {"string": "VARCHAR", "json": "VARCHAR", "boolean": "BOOLEAN", "int32": "INTEGER", "int64": "BIGINT", "double": "DOUBLE",
             "date": "DATE", "timestamp": "TIMESTAMP WITH TIME ZONE"}

    def __init__(self):
        self.db = duckdb.connect()
        self.db.execute("SET TimeZone='UTC'")

    def schema(self, path):
        return [(name, kind) for name, kind, *_ in self.db.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()]

    def type(self, column):
        return column.type.upper() if column.kind == "decimal" else self.types[column.kind]

    def rows(self, path, columns):
        wanted = ", ".join(f"epoch_us({c.name})" if c.kind == "timestamp" else c.name for c in columns)
        return self.db.execute(f"SELECT {wanted} FROM read_parquet(?)", [str(path)]).fetchall()

    def count(self, path, column, comparison, constant):
        if comparison == "null":
            return self.db.execute(f"SELECT count(*) FROM read_parquet(?) WHERE {column.name} IS NULL", [str(path)]).fetchone()[0]
        cast = "make_timestamptz(?)" if column.kind == "timestamp" else f"CAST(? AS {self.type(column)})"
        constant = str(constant) if column.kind == "decimal" else constant
        return self.db.execute(f"SELECT count(*) FROM read_parquet(?) WHERE {column.name} {comparison} {cast}", [str(path), constant]).fetchone()[0]


class PyArrow:
    types = {"string": pyarrow.string(), "json": pyarrow.string(), "boolean": pyarrow.bool_(), "int32": pyarrow.int32(), "int64": pyarrow.int64(),
             "double": pyarrow.float64(), "date": pyarrow.date32(), "timestamp": pyarrow.timestamp("us", "UTC")}

    def type(self, column):
        return pyarrow.decimal128(column.precision, column.scale) if column.kind == "decimal" else self.types[column.kind]

    def schema(self, path):
        # The extension type of JSON is stored as text.
        return [(f.name, getattr(f.type, "storage_type", f.type)) for f in pyarrow.parquet.read_schema(path)]

    def rows(self, path, columns):
        table = pyarrow.parquet.read_table(path)
        cells = []
        for c in columns:
            column = table.column(c.name)
            cells.append((column.cast(pyarrow.int64()) if c.kind == "timestamp" else column).to_pylist())
        return list(zip(*cells)) if table.num_rows else []

    def count(self, path, column, comparison, constant):
        field = pyarrow.compute.field(column.name)
        if comparison == "null":
            condition = field.is_null()
        else:
            scalar = pyarrow.scalar(constant, self.type(column))
            condition = {"=": field == scalar, "<": field < scalar, ">=": field >= scalar}[comparison]
        return pyarrow.parquet.read_table(path, filters=condition).num_rows


class Polars:
    types = {"string": polars.String, "json": polars.String, "boolean": polars.Boolean, "int32": polars.Int32, "int64": polars.Int64,
             "double": polars.Float64, "date": polars.Date, "timestamp": polars.Datetime("us", "UTC")}

    def type(self, column):
        return polars.Decimal(column.precision, column.scale) if column.kind == "decimal" else self.types[column.kind]

    def schema(self, path):
        return list(polars.scan_parquet(path).collect_schema().items())

    def rows(self, path, columns):
        wanted = [polars.col(c.name).to_physical() if c.kind == "timestamp" else polars.col(c.name) for c in columns]
        return polars.read_parquet(path).select(wanted).rows()

    def count(self, path, column, comparison, constant):
        field = polars.col(column.name)
        if comparison == "null":
            condition = field.is_null()
        else:
            literal = polars.lit(constant).cast(self.type(column))
            condition = {"=": field == literal, "<": field < literal, ">=": field >= literal}[comparison]
        return polars.scan_parquet(path).filter(condition).select(polars.len()).collect().item()


class Spark:
    types = {"string": "string", "json": "string", "boolean": "boolean", "int32": "int", "int64": "bigint", "double": "double",
             "date": "date", "timestamp": "timestamp"}

    def __init__(self):
        self.session = (pyspark.sql.SparkSession.builder.master("local[2]")
                        .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false").config("spark.sql.session.timeZone", "UTC")
                        .config("spark.sql.shuffle.partitions", "2").config("spark.driver.bindAddress", "127.0.0.1")
                        .config("spark.driver.host", "127.0.0.1").getOrCreate())
        self.session.sparkContext.setLogLevel("ERROR")

    def type(self, column):
        return column.type if column.kind == "decimal" else self.types[column.kind]

    def schema(self, path):
        return [(f.name, f.dataType.simpleString()) for f in self.session.read.parquet(str(path)).schema]

    def rows(self, path, columns):
        wanted = [f"unix_micros({c.name})" if c.kind == "timestamp" else c.name for c in columns]
        return [tuple(row) for row in self.session.read.parquet(str(path)).selectExpr(*wanted).collect()]

    def count(self, path, column, comparison, constant):
        frame = self.session.read.parquet(str(path))
        if comparison == "null":
            return frame.filter(f"{column.name} IS NULL").count()
        functions = pyspark.sql.functions
        if column.kind == "timestamp":
            literal = functions.timestamp_micros(functions.lit(constant))
        else:
            text = column.kind in ("date", "decimal")
            literal = functions.lit(str(constant) if text else constant).cast(self.type(column))
        field = functions.col(column.name)
        return frame.filter({"=": field == literal, "<": field < literal, ">=": field >= literal}[comparison]).count()


counts = collections.Counter()


def same(got, want):
    """Equality that knows -0.0 from 0.0."""
    if isinstance(want, float):
        return isinstance(got, float) and struct.pack(">d", got) == struct.pack(">d", want)
    return got == want and type(got) is type(want)


def compare(readers, path, mapping, want):
    """Every reader sees the columns, and every cell of the rows."""
    columns = mapping.columns
    for reader in readers:
        name = type(reader).__name__
        schema = [(c.name, reader.type(c)) for c in columns]
        assert reader.schema(path) == schema, f"{name}, {path.name}: columns\n{reader.schema(path)}\nwant\n{schema}"
        got = reader.rows(path, columns)
        assert len(got) == len(want), f"{name}, {path.name}: {len(got)} rows, want {len(want)}"
        for i, (g, w) in enumerate(zip(got, want)):
            for c, gv, wv in zip(columns, g, w):
                assert same(gv, wv), f"{name}, {path.name}, row {i}, {c.name}: {gv!r}, want {wv!r}"
        counts[f"cells equal in {name}"] += len(want) * len(columns)


def compare_filters(readers, path, mapping, want, r):
    """Conditions that statistics, indexes and bloom filters answer give the
    rows they give without them."""
    for k, c in enumerate(mapping.columns):
        cells = [row[k] for row in want]
        present = [v for v in cells if v is not None]
        tests = [("null", None, len(cells) - len(present))]
        if c.kind not in ("boolean", "json") and present:
            for constant in {min(present), max(present), r.choice(present)}:
                tests.append(("=", constant, sum(v == constant for v in present)))
                tests.append(("<", constant, sum(v < constant for v in present)))
                tests.append((">=", constant, sum(v >= constant for v in present)))
        for comparison, constant, number in tests:
            for reader in readers:
                got = reader.count(path, c, comparison, constant)
                assert got == number, f"{type(reader).__name__}, {path.name}: {c.name} {comparison} {constant!r} gives {got} rows, want {number}"
                counts["filters equal"] += 1


TYPES = Mapping("types", "", records=("$[*]",), provenance=False, columns=[
    Column("s", "s", "string", ", bloom: true"),
    Column("any_text", "any_text", "string", ", from: [string, integer, number, boolean]"),
    Column("b", "b", "boolean"),
    Column("i32", "i32", "int32", ", bloom: true"),
    Column("i64", "i64", "int64", ", bloom: true"),
    Column("d", "d", "double"),
    Column("dec_int32", "m9", "decimal(9,2)", ", bloom: true"),
    Column("dec_int64", "m18", "decimal(18,4)", ", bloom: true"),
    Column("dec_19", "m19", "decimal(19,4)"),
    Column("dec_38", "m38", "decimal(38,10)", ", bloom: true"),
    Column("dec_whole", "m38w", "decimal(38,0)"),
    Column("dec_part", "m5", "decimal(5,5)"),
    Column("day", "day", "date", ", bloom: true"),
    Column("moment", "at", "timestamp", ", bloom: true"),
    Column("j", "j", "json"),
])


def type_records(r):
    """Every type at its edges, between them, and NULL in each. Of the ten days
    the Gregorian calendar left out in 1582 there is none: with conditions on
    them Spark misses rows of any writer, pyarrow's too."""
    nines = "9" * 28 + "." + "9" * 10
    edges = {
        "s": ["", "a", "\u0000", "\uffff\U0010ffff", "x" * 5000, "\u00e9", "e\u0301", "zz"],
        "any_text": ["t", Number("71"), Number("1.50"), Number("-1E+9"), True, False],
        "b": [True, False, "true", "false"],
        "i32": [Number("2147483647"), Number("-2147483648"), Number("0"), "12", Number("1e3")],
        "i64": [Number("9223372036854775807"), Number("-9223372036854775808"), Number("9007199254740993"), Number("-0")],
        "d": [Number("-0.0"), Number("0.0"), Number("1.7976931348623157e308"), Number("5e-324"), Number("0.1"), Number("-1e-300"), "2.5"],
        "m9": [Number("9999999.99"), Number("-9999999.99"), Number("-0.01"), Number("0"), "12.30"],
        "m18": [Number("99999999999999.9999"), Number("-99999999999999.9999"), Number("0.1"), Number("-0.0"), Number("25e0")],
        "m19": [Number("999999999999999.9999"), Number("-999999999999999.9999"), Number("-0.0001"), Number("922337203685477.5808")],
        "m38": [Number(nines), Number("-" + nines), Number("0.0000000001"), Number("-0.0000000001"), Number("1"), Number("-1"),
                Number("18446744073.709551616"), Number("-18446744073.709551616")],
        "m38w": [Number("9" * 38), Number("-" + "9" * 38), Number("0"), Number("1e37"), Number(str(-2**64)), Number(str(2**63))],
        "m5": [Number("0.99999"), Number("-0.99999"), Number("0.00001"), Number("1e-5")],
        "day": ["0001-01-01", "9999-12-31", "1969-12-31", "1970-01-01", "2024-02-29", "1582-10-15"],
        "at": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z", "1970-01-01", "2024-01-10 12:00:00",
               "2024-01-10T23:30:00-05:00", "1582-10-15T01:02:03.000004Z"],
        "j": [{"a": [Number("1"), Number("1.50"), None, True]}, [], {}, "text", Number("1e999"), False],
    }
    records = []
    for i in range(400):
        record = {}
        for key, values in edges.items():
            if i < len(values):
                record[key] = values[i]
            elif r.random() < 0.15:
                record[key] = None
            elif r.random() < 0.85:
                record[key] = r.choice(values)
        records.append(record)
    return records


class Types(Mapping):
    """TYPES, with the text of JSON values as they are dumped."""

    def rows(self, records):
        at = [c.kind for c in self.columns].index("json")
        return [tuple(dump(v) if i == at and v is not None else v for i, v in enumerate(row)) for row in super().rows(records)]


def check_types(readers, folder):
    TYPES.__class__ = Types
    r = random.Random(1)
    records = type_records(r)
    want = TYPES.rows(records)
    for codec in CODECS:
        path, _ = convert(folder, "types", TYPES, dump(records).encode(), codec)
        compare(readers, path, TYPES, want)
    compare_filters(readers, path, TYPES, want, r)
    # A column of NULLs only, and one value only.
    for name, records in (("nulls", [{}] * 50), ("single", [records[3]] * 50)):
        path, _ = convert(folder, name, TYPES, dump(records).encode())
        compare(readers, path, TYPES, TYPES.rows(records))
        compare_filters(readers[:3], path, TYPES, TYPES.rows(records), r)


def check_levels(readers, folder):
    levels = Mapping("taxes", "items.*.taxes.*", provenance=True, columns=[
        Column("order_id", "id", "int64", ", required: true"),
        Column("sku", "items.*.sku", "string"),
        Column("rate", "items.*.taxes.*.rate", "decimal(38,10)"),
        Column("note", "items.*.taxes.*.deep.note", "string"),
    ])
    r = random.Random(2)
    records = []
    for i in range(300):
        records.append({"items": [{"taxes": [{"rate": Number(f"{r.randrange(-99, 99)}.{r.randrange(10**10):010}"),
                                              "deep": r.choice([None, {"note": orders.text(r)}, {}])} for _ in range(r.randrange(1, 4))],
                                   "sku": r.choice([None, f"sku-{r.randrange(20)}"])} for _ in range(r.randrange(1, 5))],
                        "id": Number(i)})
    lines = [dump(record).encode() for record in records]
    offsets, offset = [], 0
    for line in lines:
        offsets.append(offset)
        offset += len(line) + 1
    path, _ = convert(folder, "levels", levels, b"\n".join(lines))
    want = levels.rows(records, str(folder / "levels.json"), offsets)
    compare(readers, path, levels, want)
    compare_filters(readers[:1], path, levels, want, r)


def check_empty(readers, folder):
    for name, data in (("array", b"[]"), ("wrapper", b'{"orders": []}')):
        path, report = convert(folder, name, orders.ORDERS, data)
        assert report["rows_written"] == 0
        compare(readers, path, orders.ORDERS, [])


def check_row_groups(readers, folder):
    """A file of five row groups (of 8 MiB, as hardly a value repeats), in every codec, any number of threads, from
    a file and from a pipe."""
    r = random.Random(3)
    records, size = [], 0
    while size < 34 << 20:
        o = {"order_id": Number(len(records)), "order_date": orders.date(r), "customer": {
            "customer_id": Number(r.randrange(5000)), "name": orders.text(r),
            "address": "".join(r.choices("abcdefghij klmnop", k=1800))}, "total_amount": orders.money(r),
            "products": [{"product_id": f"P{r.randrange(300)}", "category": r.choice(["a", "b", None]), "price": orders.money(r),
                          "quantity": orders.count(r)} for _ in range(r.choice([1, 1, 2]))]}
        records.append(o)
        size += len(dump(o))
    data = "\n".join(map(dump, records)).encode() + b"\n"
    want = orders.ORDERS.rows(records)
    for codec in CODECS:
        path, _ = convert(folder, "groups", orders.ORDERS, data, codec)
        groups = pyarrow.parquet.ParquetFile(path).metadata.num_row_groups
        assert groups == 5, f"{path.name}: {groups} row groups, want 5"
        compare(readers if codec == "zstd" else readers[:3], path, orders.ORDERS, want)
        if codec == "zstd":
            compare_filters(readers, path, orders.ORDERS, want, r)

    sums = set()
    source, mapping = folder / "groups.json", folder / "groups.yaml"
    for threads in (1, 2, 8):
        for way in ("file", "pipe"):
            target = folder / f"{way}{threads}.parquet"
            arguments = ["convert", "-o", target, "-m", mapping, "--threads", threads]
            if way == "file":
                run([*arguments, source])
            else:
                run([*arguments, "-"], stdin=data)
            sums.add(hashlib.sha256(target.read_bytes()).hexdigest())
            counts["outputs with one SHA-256"] += 1
    run(["convert", "-o", folder / "zipped.parquet", "-m", mapping, "-"], stdin=gzip.compress(data, 1))
    sums.add(hashlib.sha256((folder / "zipped.parquet").read_bytes()).hexdigest())
    assert len(sums) == 1, f"the output depends on threads or on the way of the input: {sums}"


def arrow_table(mapping, rows):
    reader = PyArrow()
    arrays = []
    for k, c in enumerate(mapping.columns):
        cells = [row[k] for row in rows]
        arrays.append(pyarrow.array(cells, pyarrow.int64()).cast(reader.type(c)) if c.kind == "timestamp" else pyarrow.array(cells, reader.type(c)))
    return pyarrow.table(arrays, [c.name for c in mapping.columns])


def check_random(folder):
    """Random orders in random clothes: DuckDB finds no row too many and none missing."""
    db = DuckDB().db
    inputs, expected = folder / "random", {}
    inputs.mkdir()
    (folder / "random.yaml").write_text(orders.ORDERS.yaml())
    for seed in range(FILES):
        r = random.Random(seed)
        records = [orders.order(r) for _ in range(r.choice([1, 2, 5, 40]))]
        form = orders.FORMS[seed % len(orders.FORMS)]
        coding = orders.CODINGS[seed // len(orders.FORMS) % len(orders.CODINGS)]
        name = f"{seed:04}-{form}-{coding}"
        (inputs / f"{name}.json").write_bytes(orders.document(r, records, form, coding))
        expected[name] = orders.ORDERS.rows(records)
    report = json.loads(run(["convert", *sorted(inputs.iterdir()), "-o", folder / "tables", "-m", folder / "random.yaml", "--report", "json"]))
    assert report["outcome"] == "accept" and len(report["files"]) == FILES, report["reasons"]
    for name, rows in expected.items():
        want, got = arrow_table(orders.ORDERS, rows), f"read_parquet('{folder / 'tables' / name}.parquet')"
        missing = db.execute(f"SELECT * FROM want EXCEPT ALL SELECT * FROM {got}").fetchall()
        extra = db.execute(f"SELECT * FROM {got} EXCEPT ALL SELECT * FROM want").fetchall()
        assert not missing and not extra, f"{name}: {len(missing)} rows missing, {len(extra)} too many\n{missing[:2]}\n{extra[:2]}"
        counts["random files equal, EXCEPT ALL both ways"] += 1
        counts["rows of random files"] += len(rows)


def main():
    readers = [DuckDB(), PyArrow(), Polars(), Spark()]
    print(f"duckdb {duckdb.__version__}, pyarrow {pyarrow.__version__}, polars {polars.__version__}, spark {pyspark.__version__}")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for check in (check_types, check_levels, check_empty, check_row_groups):
            start = time.monotonic()
            check(readers, folder)
            print(f"{check.__name__}: {time.monotonic() - start:.1f} s", flush=True)
        start = time.monotonic()
        check_random(folder)
        print(f"check_random: {time.monotonic() - start:.1f} s")
    readers[3].session.stop()
    for what, number in counts.items():
        print(f"{what}: {number}")


if __name__ == "__main__":
    main()
