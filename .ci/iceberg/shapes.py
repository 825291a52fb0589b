"""The tables: every type, every transform, and long histories."""

import datetime
import decimal

from conversion import Column
from lake import ABSENT, REJECTED
from tables import random_list, random_value

N = Column("n", "", "int64")
WHOLE = [Column("i32", "", "int32"), Column("i64", "", "int64")]
MONEY = [Column("m9", "", "decimal(9,2)"), Column("m18", "", "decimal(18,4)"), Column("m38", "", "decimal(38,10)")]
PLAIN = [Column("s", "", "string"), Column("b", "", "boolean"), *WHOLE, Column("day", "", "date"), Column("moment", "", "timestamp")]
DOUBLE, NAN = Column("d", "", "double"), Column("nan", "", "double")
DECIMALS = [Column(f"dec{p}", "", f"decimal({p},{p * 2 // 5})") for p in range(1, 39)]

EDGES = {
    "string": ["", "a", "\u0000", "\uffff\U0010ffff", "x" * 40, "z\u00e9", "e\u0301\u4e2d"],
    "boolean": [True, False],
    "int32": [2**31 - 1, -2**31, 0, -1, 34],
    "int64": [2**63 - 1, -2**63, 0, -1, 34],
    "double": [1.5, -1e300, 5e-324, 0.0],
    "date": [datetime.date(1, 1, 1), datetime.date(9999, 12, 31), datetime.date(1969, 12, 31), datetime.date(1970, 1, 1), datetime.date(2024, 2, 29)],
    "timestamp": [-62135596800000000, 253402300799999999, -1, 0, 1709164800000000],
}

# Below these, truncate has no value in the type: it wraps, so that no engine finds the rows.
LEAST = {"int32": -2**31 + 1000, "int64": -2**63 + 1000}


def value(r, c, years=(1600, 2400)):
    """A value at an edge, between them, or NULL."""
    if c is NAN:
        return r.choice([float("nan"), 1.5, -2.0, None])
    if c.kind == "list":
        return random_list(c, r, years)
    if (kind := r.random()) < 0.15:
        return None
    if kind < 0.4 and c.kind in EDGES:
        return r.choice(EDGES[c.kind])
    if kind < 0.4 and c.kind == "decimal":
        most = decimal.Decimal(10**c.precision - 1).scaleb(-c.scale)
        return r.choice([most, -most, decimal.Decimal(0).scaleb(-c.scale), decimal.Decimal(-1).scaleb(-c.scale)])
    return random_value(c, r, years)


def rows(r, table, number, like=None):
    """New rows; like: values that all of them have."""
    made = [{c.name: next(table.count) if c is N else like[c.name] if like and c.name in like else value(r, c) for c in table.columns}
            for _ in range(number)]
    for row in made:
        for c in table.columns:
            if c.name in table.truncated and c.kind in LEAST and row[c.name] is not None:
                row[c.name] = max(row[c.name], LEAST[c.kind])
            # A decimal would have more digits than its type: Trino reads nothing of the table then.
            if c.name in table.truncated and c.kind == "decimal" and row[c.name] is not None:
                row[c.name] = max(row[c.name], -decimal.Decimal(9 * 10**(c.precision - 1)).scaleb(-c.scale))
    return made


def types(r, lake):
    """Every type, in files of each codec; the last file has several row groups, and one
    column of NULLs only in each."""
    scalars = [*PLAIN, DOUBLE]
    lists = [Column(f"l_{c.name}", "", f"list<{c.type}>") for c in [*scalars, *MONEY]]
    none = Column("none", "", "list<string>")
    t = lake.table("types", [N, Column("j", "", "json"), *scalars, NAN, *DECIMALS, *lists, none])
    for k, codec in enumerate(["zstd", "snappy", "none"]):
        made = rows(r, t, 40)
        for row in made:
            row["j"] = r.choice([None, '{"a":[1,1.50,null]}', "[]", '"text"'])
            row[t.columns[2 + k].name] = None
        half = len(made) // 2
        t.commit({f"{codec}-0.json": made[:half], f"{codec}-1.json": made[half:]}, codec=codec, most_held=0 if k < 2 else 1)
    return t


def by_partition(r, lake, name, columns, partition):
    """A file has the rows of one partition, of two sources."""
    t = lake.table(name, [N, *columns], partition)
    for k in range(4):
        likes = [{c.name: value(r, c) for c in columns} for _ in range(4)]
        if k == 0:
            likes[0] = dict.fromkeys(likes[0])
        t.commit({f"{k}-{n}.json": [row for like in likes for row in rows(r, t, 2, like)] for n in range(2)})
    t.commit({"0-0.json": rows(r, t, 3), "1-1.json": ABSENT, "2-1.json": REJECTED})
    return t


def identity(r, lake):
    return by_partition(r, lake, "identity", [*PLAIN, *MONEY], [(c.name, "identity", c.name if k % 2 else f"größe-{k} {c.name}") for k, c in enumerate([*PLAIN, *MONEY])])


def bucket(r, lake):
    columns = [c for c in [*PLAIN, *MONEY] if c.kind != "boolean"]
    return by_partition(r, lake, "bucket", columns, [(c.name, f"bucket[{3 + k}]", f"{c.name}_bucket") for k, c in enumerate(columns)])


def truncate(r, lake):
    columns = [PLAIN[0], *WHOLE, *MONEY]
    return by_partition(r, lake, "truncate", columns, [(c.name, f"truncate[{w}]", f"{c.name}_{w}") for c, w in zip(columns, [3, 10, 7, 100, 99999, 10**6])])


def times(r, lake):
    units = [(unit, kind) for kind in ("date", "timestamp") for unit in ("year", "month", "day", "hour") if (unit, kind) != ("hour", "date")]
    columns = [Column(f"{kind}_{unit}", "", kind) for unit, kind in units]
    return by_partition(r, lake, "times", columns, [(c.name, unit, f"{c.name}_of") for c, (unit, _) in zip(columns, units)])


def changes(r, t, keys):
    """What becomes of some sources: most get other rows."""
    made = {}
    for key in r.sample(keys, r.randrange(1, len(keys))):
        match r.random():
            case x if x < 0.12 and key in t.sources:
                made[key] = ABSENT
            case x if x < 0.24:
                made[key] = REJECTED
            case _:
                made[key] = rows(r, t, r.randrange(6))
    return made


def history(r, lake, name, partition, keep):
    """Sources that are overwritten, deleted and rejected, in so many commits that
    manifests are merged and snapshots expire."""
    t = lake.table(name, [N, PLAIN[0], MONEY[1], PLAIN[5], DOUBLE], partition, keep)
    keys = [f"{k}.json" for k in range(6)]
    t.commit({key: rows(r, t, 5) for key in keys})
    for _ in range(70):
        t.commit(changes(r, t, keys))
    return t


def histories(r, lake):
    return [history(r, lake, "history", (), 30), history(r, lake, "history_parts", [("s", "bucket[2]", "s_bucket")], 30)]


def masked(r, lake):
    """Rows that go in the snapshot that brings them; rows without a source; a snapshot
    without files; and a table that has no rows any more."""
    t = lake.table("masked", [N, *PLAIN])
    t.commit({"a.json": rows(r, t, 7), "b.json": rows(r, t, 7)})
    t.append(rows(r, t, 9), masked=[[0, 2], [8, 1]])
    t.append(rows(r, t, 4))
    t.commit({"a.json": REJECTED})
    t.commit({"b.json": rows(r, t, 1)})
    empty = lake.table("empty", [N, *PLAIN])
    empty.commit({"a.json": rows(r, empty, 3)})
    empty.commit({"a.json": ABSENT})
    return [t, empty, lake.table("new", [N, *PLAIN])]


def evolved(r, lake):
    """Columns that become wider, some of them those of partitions, and new ones; then a
    writer that still has the narrower and fewer ones."""
    old = [Column("i", "", "int32"), Column("by_i", "", "int32"), Column("by_bucket", "", "int32"), Column("by_width", "", "int32"),
           Column("m", "", "decimal(9,2)"), PLAIN[0]]
    t = lake.table("evolved", [N, *old], [("by_i", "identity", "by_i"), ("by_bucket", "bucket[5]", "bucket"), ("by_width", "truncate[100]", "width")])
    for k in range(3):
        likes = [{c.name: value(r, c) for c in old[1:4]} for _ in range(2)]
        t.commit({f"{k}.json": [row for like in likes for row in rows(r, t, 3, like)]})
    wide = {"int32": "int64", "decimal": "decimal(18,2)"}
    new = [Column(c.name, "", wide.get(c.kind, c.type)) for c in old]
    t.evolve([N, *new, Column("note", "", "string"), Column("tags", "", "list<string>")])
    for sources in (t.sources.values(), t.snapshots.values()):
        for made in sources:
            for row in made:
                row |= {"note": None, "tags": None}
    for k in range(2, 5):
        likes = [{c.name: value(r, c) for c in new[1:4]} for _ in range(2)]
        t.commit({f"{k}.json": [row for like in likes for row in rows(r, t, 3, like)]})
    fewer = [old[0], *old[2:]]  # without one that divides the rows
    t.evolve(t.columns, [N, *fewer])
    for k in range(4, 7):
        likes = [{c.name: value(r, c) for c in old[2:4]} for _ in range(2)]
        made = [row for like in likes for row in rows(r, t, 3, like)]
        for row in made:
            row |= {c.name: value(r, c) for c in fewer if c.name not in ("by_bucket", "by_width")} | dict.fromkeys(["by_i", "note", "tags"])
        t.commit({f"{k}.json": made})
    return t


def large(r, lake):
    """Several row groups of several pages, and a mask of many rows."""
    t = lake.table("large", [N, PLAIN[0], MONEY[1], PLAIN[5]])
    t.commit({"a.json": rows(r, t, 40000), "b.json": rows(r, t, 20000)}, most_held=1)
    t.commit({"b.json": rows(r, t, 10)})
    return t


def everything(r, lake):
    return [types(r, lake), identity(r, lake), bucket(r, lake), truncate(r, lake), times(r, lake), evolved(r, lake), *masked(r, lake), *histories(r, lake),
            large(r, lake)]
