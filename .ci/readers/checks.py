"""The checks: files of sluice in every type, shape and size, read by all the
readers. Every cell is compared with what Python makes of the JSON, and what
conditions select with what they select of all rows."""

import collections
import concurrent.futures
import gzip
import hashlib
import itertools
import json
import os
import random
import time

import pyarrow.parquet

import orders
from cells import compare, counts, expected
from conversion import Column, Mapping, Number, convert, dump, run
from engines import File
from filters import compare_filters, questions
from predicates import And, Compare, Not, at_random
from tables import LISTS, RANDOM, TYPES, in_groups, lines, list_rows, random_rows, type_records

FILES = 240  # of random orders
TABLES = int(os.environ.get("TABLES", 8))  # of random columns
FEW = 1000  # rows that a condition selects, at most: what indexes are for
CODECS = run(["__complete", "convert", "--codec", ""]).decode().split()[:-1]  # the last is for the shell


seconds = collections.Counter()  # that each reader took, beside the others


def everywhere(engines, check):
    """Runs the check in every engine, side by side: most of them wait for a
    process of their own."""
    def timed(engine):
        start = time.monotonic()
        check(engine)
        seconds[engine.name] += time.monotonic() - start

    with concurrent.futures.ThreadPoolExecutor(len(engines)) as threads:
        list(threads.map(timed, engines))


def compare_cells(engines, path, mapping, rows):
    want = expected(mapping.columns, rows)
    everywhere([e for e in engines if hasattr(e, "cells")], lambda engine: compare(engine, File(path, mapping.columns), want))


def compare_conditions(engines, path, columns, rows, r, each):
    """So many conditions on each column, and as many columns of two."""
    asked = questions(at_random(r, columns, rows, each), rows, FEW)
    everywhere(engines, lambda engine: compare_filters(engine, File(path, columns), asked))


def named(mapping, rows):
    return [dict(zip((c.name for c in mapping.columns), row)) for row in rows]


def check_types(engines, folder):
    r = random.Random(1)
    records = type_records(r)
    rows = TYPES.rows(records)
    for codec in CODECS:
        path, _ = convert(folder, "types", TYPES, dump(records).encode(), codec)
        compare_cells(engines, path, TYPES, rows)
    compare_conditions(engines, path, TYPES.columns, named(TYPES, rows), r, 3)
    # A column of NULLs only, and one value only.
    for name, record in (("nulls", {}), ("single", records[3])):
        records = [record | {"n": Number(i)} for i in range(50)]
        rows = TYPES.rows(records)
        path, _ = convert(folder, name, TYPES, dump(records).encode())
        compare_cells(engines, path, TYPES, rows)
        compare_conditions(engines, path, TYPES.columns, named(TYPES, rows), r, 1)


def check_conditions(engines, folder):
    """Random conditions on random tables of several row groups."""
    r = random.Random(4)
    (folder / "random.yaml").write_text(RANDOM.yaml())
    for i in range(TABLES):
        years = r.choice([(1, 9999), (1970, 2200)])
        sizes = [r.choice([2, 50]), *(r.choice([1, 5, 50]) for _ in range(r.randrange(4)))]
        rows = random_rows(r, RANDOM.columns, sizes, years)
        path, source = folder / f"random{i}.parquet", folder / "random.json"
        source.write_bytes(in_groups(r, RANDOM.columns, rows, sizes))
        run(["convert", source, "-o", path, "-m", folder / "random.yaml", "--codec", r.choice(CODECS)])
        metadata = pyarrow.parquet.read_metadata(path)
        groups = [metadata.row_group(k).num_rows for k in range(metadata.num_row_groups)]
        assert groups == sizes, f"{path.name}: row groups of {groups} rows, want {sizes}"
        compare_cells(engines[:1], path, RANDOM, [tuple(row.values()) for row in rows])
        compare_conditions(engines, path, RANDOM.columns, rows, r, 3)


def check_pages(engines, folder):
    """Random conditions on row groups of several pages, of 32Ki rows."""
    r = random.Random(5)
    for i in range(2):
        pages = Mapping("pages", "", records=("$",), columns=[c for c in RANDOM.columns if c.name in ("n", "s", "i32", "m18", "moment")])
        rows = random_rows(r, pages.columns, [32 << 10, 12000], (1970, 2200))
        path, _ = convert(folder, f"pages{i}", pages, lines(pages.columns, rows))
        assert pyarrow.parquet.read_metadata(path).num_row_groups == 1, path.name
        compare_conditions(engines, path, pages.columns, rows, r, 8)


def check_levels(engines, folder):
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
    compare_cells(engines, path, levels, levels.rows(records, str(folder / "levels.json"), offsets))


def check_lists(engines, folder):
    """Lists of every type; those of a record in each of its rows; and conditions
    by which pages of lists are skipped."""
    r = random.Random(7)
    rows = list_rows(r, LISTS.columns, 500)
    for codec in CODECS:
        path, _ = convert(folder, "lists", LISTS, lines(LISTS.columns, rows), codec)
        compare_lists(engines, path, LISTS, [tuple(row.values()) for row in rows])
    exploded = Mapping("exploded", "items.*.parts.*", records=("$",), columns=[
        Column("n", "items.*.parts.*.n", "int64"),
        Column("tags", "tags", "list<string>"),
        Column("sizes", "items.*.sizes", "list<int32>"),
        Column("rates", "items.*.parts.*.rates", "list<decimal(38,10)>"),
    ])
    n = itertools.count()
    number = lambda: Number(f"{r.randrange(-99, 99)}.{r.randrange(10**10):010}")
    some = lambda value: r.choice([None, [], [value() if r.random() < 0.9 else None for _ in range(r.randrange(1, 9))]])
    records = [{"tags": some(lambda: orders.text(r)),
                "items": [{"sizes": some(lambda: Number(r.randrange(40))), "parts": [{"n": Number(next(n)), "rates": some(number)}
                                                                                 for _ in range(r.randrange(1, 4))]}
                          for _ in range(r.randrange(1, 5))]} for _ in range(300)]
    path, _ = convert(folder, "exploded", exploded, "\n".join(map(dump, records)).encode())
    compare_lists(engines, path, exploded, exploded.rows(records))

    pages = Mapping("listpages", "", records=("$",), columns=[c for c in LISTS.columns if c.name in ("n", "i64", "s", "empty", "none", "text")])
    rows = list_rows(r, pages.columns, 44000)
    path, _ = convert(folder, "listpages", pages, lines(pages.columns, rows))
    n, *lists = (c for c in pages.columns if c.kind != "string")
    asked = [And(Compare(n, "between", [k, k + 200]), p) for k in range(50, 44000, 11000) for c in lists
             for p in (Compare(c, "null", []), Not(Compare(c, "null", [])))]
    asked = questions(asked + at_random(r, [c for c in pages.columns if c.kind != "list"], rows, 8), rows, FEW)
    everywhere(engines, lambda engine: compare_filters(engine, File(path, pages.columns), asked))


def compare_lists(engines, path, mapping, rows):
    """compare_cells, and what parquet-java reads of lists."""
    compare_cells(engines, path, mapping, rows)
    want = expected(mapping.columns, rows)
    for engine in engines:
        if hasattr(engine, "lists"):
            columns = [c for c in mapping.columns if c.kind == "list"]
            got = expected(columns, engine.lists(File(path, columns)))
            wrong = [c.name for c in columns if not got.column(c.name).equals(want.column(c.name))]
            assert not wrong, f"{engine.name}, {path.name}: other lists in {wrong}"
            counts[f"cells equal in {engine.name}"] += got.num_rows * got.num_columns


def check_empty(engines, folder):
    for name, data in (("array", b"[]"), ("wrapper", b'{"orders": []}')):
        path, report = convert(folder, name, orders.ORDERS, data)
        assert report["rows_written"] == 0
        compare_cells(engines, path, orders.ORDERS, [])


def check_row_groups(engines, folder):
    """A file of five row groups (of 8 MiB, as hardly a value repeats), in every codec, any number of threads, from
    a file and from a pipe."""
    r = random.Random(3)
    mapping = Mapping("lines", "products.*", [*orders.ORDERS.columns, Column("n", "n", "int64")])
    records, size = [], 0
    while size < 34 << 20:
        o = {"n": Number(len(records)), "order_id": Number(len(records)), "order_date": orders.date(r), "customer": {
            "customer_id": Number(r.randrange(5000)), "name": orders.text(r), "address": r.randbytes(900).hex()}, "total_amount": orders.money(r),
            "products": [{"product_id": f"P{r.randrange(300)}", "category": r.choice(["a", "b", None]), "price": orders.money(r),
                          "quantity": orders.count(r)} for _ in range(r.choice([1, 1, 2]))]}
        records.append(o)
        size += len(dump(o))
    data = "\n".join(map(dump, records)).encode() + b"\n"
    rows = mapping.rows(records)
    for codec in CODECS:
        path, _ = convert(folder, "groups", mapping, data, codec)
        groups = pyarrow.parquet.read_metadata(path).num_row_groups
        assert groups == 5, f"{path.name}: {groups} row groups, want 5"
        compare_cells(engines if codec == "zstd" else engines[:3], path, mapping, rows)
        if codec == "zstd":
            compare_conditions(engines, path, mapping.columns, named(mapping, rows), r, 3)

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


def check_orders(engines, folder):
    """Random orders in random clothes, read by DuckDB."""
    inputs, expected_rows = folder / "orders", {}
    inputs.mkdir()
    (folder / "orders.yaml").write_text(orders.ORDERS.yaml())
    for seed in range(FILES):
        r = random.Random(seed)
        records = [orders.order(r) for _ in range(r.choice([1, 2, 5, 40]))]
        form = orders.FORMS[seed % len(orders.FORMS)]
        coding = orders.CODINGS[seed // len(orders.FORMS) % len(orders.CODINGS)]
        name = f"{seed:04}-{form}-{coding}"
        (inputs / f"{name}.json").write_bytes(orders.document(r, records, form, coding))
        expected_rows[name] = orders.ORDERS.rows(records)
    report = json.loads(run(["convert", *sorted(inputs.iterdir()), "-o", folder / "tables", "-m", folder / "orders.yaml", "--report", "json"]))
    assert report["outcome"] == "accept" and len(report["files"]) == FILES, report["reasons"]
    for name, rows in expected_rows.items():
        compare_cells(engines[:1], folder / "tables" / f"{name}.parquet", orders.ORDERS, rows)
        counts["files of random orders equal"] += 1
        counts["rows of random orders"] += len(rows)
