"""The tables that are read: every type at its edges, and random ones of which
each column has a shape of its own."""

import datetime
import decimal
import json

from conversion import Column, Mapping, Number, dump

TYPES = Mapping("types", "", records=("$[*]", "$"), columns=[
    Column("n", "n", "int64"),
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

NINES = "9" * 28 + "." + "9" * 10

# Of the ten days the Gregorian calendar left out in 1582 there is none: with
# conditions on them Spark misses rows of any writer, pyarrow's too.
EDGES = {
    "s": ["", "a", "\u0000", "\uffff\U0010ffff", "x" * 5000, "\u00e9", "e\u0301", "zz"],
    "any_text": ["t", Number("71"), Number("1.50"), Number("-1E+9"), True, False],
    "b": [True, False, "true", "false"],
    "i32": [Number("2147483647"), Number("-2147483648"), Number("0"), "12", Number("1e3")],
    "i64": [Number("9223372036854775807"), Number("-9223372036854775808"), Number("9007199254740993"), Number("-0")],
    "d": [Number("-0.0"), Number("0.0"), Number("1.7976931348623157e308"), Number("5e-324"), Number("0.1"), Number("-1e-300"), "2.5"],
    "m9": [Number("9999999.99"), Number("-9999999.99"), Number("-0.01"), Number("0"), "12.30"],
    "m18": [Number("99999999999999.9999"), Number("-99999999999999.9999"), Number("0.1"), Number("-0.0"), Number("25e0")],
    "m19": [Number("999999999999999.9999"), Number("-999999999999999.9999"), Number("-0.0001"), Number("922337203685477.5808")],
    "m38": [Number(NINES), Number("-" + NINES), Number("0.0000000001"), Number("-0.0000000001"), Number("1"), Number("-1"),
            Number("18446744073.709551616"), Number("-18446744073.709551616")],
    "m38w": [Number("9" * 38), Number("-" + "9" * 38), Number("0"), Number("1e37"), Number(str(-2**64)), Number(str(2**63))],
    "m5": [Number("0.99999"), Number("-0.99999"), Number("0.00001"), Number("1e-5")],
    "day": ["0001-01-01", "9999-12-31", "1969-12-31", "1970-01-01", "2024-02-29", "1582-10-15"],
    "at": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z", "1970-01-01", "2024-01-10 12:00:00",
           "2024-01-10T23:30:00-05:00", "1582-10-15T01:02:03.000004Z"],
    "j": [{"a": [Number("1"), Number("1.50"), None, True]}, [], {}, "text", Number("1e999"), False],
}


def type_records(r):
    """Every type at its edges, between them, and NULL in each."""
    records = []
    for i in range(400):
        record = {"n": Number(i)}
        for key, values in EDGES.items():
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


TYPES.__class__ = Types

RANDOM = Mapping("random", "", records=("$",), columns=[
    Column("n", "n", "int64"),
    Column("s", "s", "string", ", bloom: true"),
    Column("t", "t", "string"),
    Column("b", "b", "boolean"),
    Column("i32", "i32", "int32", ", bloom: true"),
    Column("i64", "i64", "int64", ", bloom: true"),
    Column("d", "d", "double"),
    Column("m9", "m9", "decimal(9,2)", ", bloom: true"),
    Column("m18", "m18", "decimal(18,4)", ", bloom: true"),
    Column("m38", "m38", "decimal(38,10)", ", bloom: true"),
    Column("day", "day", "date", ", bloom: true"),
    Column("moment", "moment", "timestamp", ", bloom: true"),
    Column("j", "j", "json"),
])


def text(r):
    """Texts that differ early, behind byte 60 where bounds are cut, or hardly."""
    tail = "".join(r.choices(["a", "b", "z", "~", "é", "中", "\uffff", "\U0010ffff"], k=r.randrange(4)))
    return r.choice(["", "", "k" * 62, "a" * 63, "\U0010ffff" * 16, "x" * 300]) + tail


def random_value(column, r, years):
    """A value of the column's type."""
    spread = r.choice([10, 10**4, 10**9, 10**18])
    match column.kind:
        case "string":
            return text(r)
        case "json":
            return json.dumps(text(r), ensure_ascii=False)
        case "boolean":
            return r.random() < 0.5
        case "int32":
            return max(-2**31, min(2**31 - 1, r.randrange(-spread, spread)))
        case "int64":
            return r.choice([-2**63, 2**63 - 1]) if r.random() < 0.02 else r.randrange(-spread, spread)
        case "double":
            return r.choice([r.uniform(-spread, spread), float(r.randrange(-9, 9)), r.choice([-1, 1]) * 2.0**r.randrange(-1000, 1000)])
        case "decimal":
            digits = r.randrange(1, column.precision + 1)
            return decimal.Decimal(r.randrange(-10**digits + 1, 10**digits)).scaleb(-column.scale)
        case "date":
            return moment(r, years).date()
        case "timestamp":
            return (moment(r, years) - datetime.datetime(1970, 1, 1)) // datetime.timedelta(microseconds=1)


def moment(r, years):
    low, high = (datetime.datetime(y, 1, 1) for y in years)
    at = low + datetime.timedelta(seconds=r.randrange(int((high - low).total_seconds())), microseconds=r.randrange(10**6))
    return at if at.date() < datetime.date(1582, 10, 5) or at.date() > datetime.date(1582, 10, 14) else at.replace(year=1583)


def shaped(column, r, sizes, years):
    """Values of a column for groups of such sizes: of few kinds, all different,
    rising, falling, near each other in each group; and NULL here and there, in
    whole groups, or everywhere."""
    total = sum(sizes)
    shape = r.choice(["few", "different", "rising", "falling", "clustered", "one"])
    number = {"one": 1, "few": 5}.get(shape, total)
    values = [random_value(column, r, years) for _ in range(number)]
    values = r.choices(values, k=total) if number < total else values
    if shape in ("rising", "clustered"):
        values.sort()
    if shape == "falling":
        values.sort(reverse=True)
    share, without, groups, start = r.choice([0, 0, 0.1, 0.9]), r.choice([0, 0, 0.3, 1]) if r.random() < 0.5 else 0, [], 0
    for size in sizes:
        group = values[start:start + size]
        start += size
        if shape == "clustered":
            r.shuffle(group)
        empty = r.random() < without
        groups += [None if empty or r.random() < share else v for v in group]
    return groups


def written(column, v):
    """The JSON of a value."""
    match column.kind:
        case "string":
            return json.dumps(v, ensure_ascii=False)
        case "boolean":
            return str(v).lower()
        case "json":
            return v
        case "date":
            return f'"{v}"'
        case "timestamp":
            return f'"{(datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=v)).isoformat()}Z"'
        case "double":
            return repr(v)
        case "list":
            return "[" + ", ".join("null" if e is None else written(column.of, e) for e in v) + "]"
        case _:
            return f"{v:f}" if column.kind == "decimal" else str(v)


SCALARS = [c for c in RANDOM.columns if c.name not in ("n", "t", "j")]

LISTS = Mapping("lists", "", records=("$",), columns=[
    Column("n", "n", "int64"),
    *(Column(c.name, c.name, f"list<{c.type}>") for c in SCALARS),
    Column("none", "none", "list<string>"),  # NULL and empty lists
    Column("empty", "empty", "list<int64>"),  # empty lists
    Column("nulls", "nulls", "list<double>"),  # of NULLs
    Column("text", "text", "string"),
])


def random_list(column, r, years):
    """NULL, an empty list, or some values and NULLs."""
    match column.name:
        case "none":
            return r.choice([None, []])
        case "empty":
            return []
        case "nulls":
            return [None] * r.randrange(1, 4)
    if (kind := r.random()) < 0.2:
        return None if kind < 0.1 else []
    return [None if r.random() < 0.1 else random_value(column.of, r, years) for _ in range(r.choice([1, 1, 2, 3, 9]))]


def list_rows(r, columns, size, years=(1, 9999)):
    """Rows as dicts, with the rising number n."""
    return [{c.name: random_list(c, r, years) if c.kind == "list" else n if c.name == "n" else r.choice([None, text(r)]) for c in columns}
            for n in range(size)]


GROUP = 8 << 20  # bytes of input that make a row group where the first MiB is kept


def random_rows(r, columns, sizes, years=(1, 9999)):
    """Rows as dicts, for row groups or pages of such sizes."""
    data = {c.name: shaped(c, r, sizes, years) for c in columns}
    data["n"] = list(range(sum(sizes)))
    return [{c.name: data[c.name][i] for c in columns} for i in range(sum(sizes))]


def lines(columns, rows):
    """The input that makes the rows."""
    return "".join("{" + ", ".join(f'"{c.name}": {written(c, row[c.name])}' for c in columns if row[c.name] is not None) + "}\n"
                   for row in rows).encode()


def in_groups(r, columns, rows, sizes):
    """The same with a row group for each size: as the first MiB is a text that
    is kept, they are short, and blanks fill up each. The first has two rows."""
    rows[0]["j"] = json.dumps(r.randbytes(9 << 16).hex())
    parts, start = [], 0
    for size in sizes:
        part = lines(columns, rows[start:start + size])
        start += size
        parts.append(part + b" " * (GROUP - len(part)))
    return b"".join(parts).rstrip()
