"""Which readers go by which statistic: only these can notice that one is wrong.
What was seen is asserted, so that it is seen when a reader begins or ceases."""

import random

import footer
from cells import counts
from checks import everywhere
from conversion import Column, Mapping, convert
from engines import File
from faults import FAULTS
from filters import differences, questions
from predicates import And, Compare, Not
from tables import lines

PAGE = 32 << 10  # rows

MAPPING = Mapping("pages", "", records=("$",), columns=[
    Column("n", "n", "int64"), Column("i64", "i64", "int64", ", bloom: true"), Column("s", "s", "string", ", bloom: true")])

EVERYBODY = {"DuckDB", "pyarrow", "Polars", "Trino", "Spark", "parquet-java", "DataFusion", "ClickHouse", "pyiceberg", "delta-rs"}
INDEXED = {"Trino", "Spark", "parquet-java", "DataFusion", "ClickHouse", "delta-rs"}  # that look at the column index

# Of each fault, who answers wrong, or with an error.
NOTICED = {
    "max": EVERYBODY,
    "min": EVERYBODY - {"ClickHouse"},
    "null count 0": EVERYBODY,
    "null count of all": EVERYBODY,
    "bloom filter": INDEXED | {"DuckDB"},
    "page max": INDEXED,
    "page min": INDEXED - {"ClickHouse"},
    "page order": {"Spark", "parquet-java"},
    "page null count 0": INDEXED,
    "null pages": {"Trino", "Spark", "parquet-java", "ClickHouse"},
}


def table(r):
    """Three pages, of ranges that neither rise nor fall, with a few NULLs."""
    rows = []
    for page in (2, 0, 1):
        for _ in range(PAGE):
            v = page * 10**17 + r.randrange(10**17)
            rows.append({"n": len(rows), "i64": v, "s": f"{v:018}"})
    for row in r.sample(rows, 60):
        row["i64"] = row["s"] = None
    return rows


def of_column(c, rows):
    """Conditions that any wrong statistic of the column makes wrong."""
    n = MAPPING.columns[0]
    values = [row[c.name] for row in rows[PAGE // 2::PAGE]]
    by_size = sorted(row[c.name] for row in rows if row[c.name] is not None)
    return [*(Compare(c, "=", [v]) for v in values), Compare(c, "in", values), Compare(c, "<", [by_size[5]]), Compare(c, ">", [by_size[-5]]),
            Compare(c, "null", []), And(Not(Compare(c, "null", [])), Compare(n, "<", [5]))]


def check_usage(engines, folder):
    assert NOTICED.keys() == FAULTS.keys()
    rows = table(random.Random(6))
    good, _ = convert(folder, "good", MAPPING, lines(MAPPING.columns, rows))
    asked = {c.name: questions(of_column(c, rows), rows, len(rows)) for c in MAPPING.columns[1:]}
    bad = {}
    for fault, spoil in FAULTS.items():
        file, bad[fault] = footer.File(good), folder / f"bad-{fault.replace(' ', '-')}.parquet"
        for name in asked:
            for chunk in file.chunks(name):
                spoil(file, chunk)
        file.write(bad[fault])

    def look(engine):
        for name, q in asked.items():
            assert not differences(engine, File(good, MAPPING.columns), q), f"{engine.name}: column {name} without a fault"
            for fault, path in bad.items():
                want, got = engine.name in NOTICED[fault], differs(engine, path, q)
                assert got == want, f"{engine.name}, column {name}: wrong {fault} {'changes answers' if got else 'changes no answer'}, see NOTICED"
                counts["wrong statistics noticed" if got else "wrong statistics that a reader does not use"] += 1

    everywhere(engines, look)


def differs(engine, path, asked):
    """Whether it gives other rows, or none with an error."""
    try:
        return bool(differences(engine, File(path, MAPPING.columns), asked))
    except Exception:
        return True
