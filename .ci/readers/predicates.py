"""Conditions on the columns of a table: at random, and what they select, by a
look at every row. SQL's three truths: a condition on NULL is neither true nor
false, and only what is true is selected."""

import collections
import datetime
import decimal
import operator

Compare = collections.namedtuple("Compare", "column op constants")  # op: OPERATORS, "between", "in", "null"
Not = collections.namedtuple("Not", "of")
And = collections.namedtuple("And", "left right")
Or = collections.namedtuple("Or", "left right")

OPERATORS = {"=": operator.eq, "<>": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
INVERSE = {"=": "<>", "<>": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">", "in": "not in", "null": "not null"}


def truth(p, row):
    """True, False or None, for a row that is a dict of names."""
    match p:
        case Compare(c, "null" | "not null" as op, _):
            return (row[c.name] is None) == (op == "null")
        case Compare(c, op, constants):
            v = row[c.name]
            if v is None:
                return None
            if op == "between":
                return constants[0] <= v <= constants[1]
            if op in ("in", "not in"):
                return (v in constants) == (op == "in")
            return OPERATORS[op](v, constants[0])
        case Not(of):
            t = truth(of, row)
            return None if t is None else not t
        case And(left, right) | Or(left, right):
            decides = isinstance(p, Or)
            both = truth(left, row), truth(right, row)
            return decides if decides in both else None if None in both else not decides


def without_not(p, negated=False):
    """The same with "not in" and "not null" in place of Not, and without
    "between", for engines that say NOT of NULL otherwise than SQL."""
    match p:
        case Not(of):
            return without_not(of, not negated)
        case And(left, right) | Or(left, right):
            return (Or if isinstance(p, And) == negated else And)(without_not(left, negated), without_not(right, negated))
        case Compare(c, "between", (low, high)):
            return without_not(And(Compare(c, ">=", [low]), Compare(c, "<=", [high])), negated)
        case Compare(c, op, constants):
            return Compare(c, INVERSE[op], constants) if negated else p


def sql(p, literal):
    """The condition as SQL, where literal writes a constant of a column."""
    match p:
        case Compare(c, "null", _):
            return f"{c.name} IS NULL"
        case Compare(c, "between", (low, high)):
            return f"{c.name} BETWEEN {literal(c, low)} AND {literal(c, high)}"
        case Compare(c, "in", constants):
            return f"{c.name} IN ({', '.join(literal(c, v) for v in constants)})"
        case Compare(c, op, constants):
            return f"{c.name} {op} {literal(c, constants[0])}"
        case Not(of):
            return f"NOT ({sql(of, literal)})"
        case And(left, right) | Or(left, right):
            return f"({sql(left, literal)}) {type(p).__name__.upper()} ({sql(right, literal)})"


def number(column, v):
    """A constant in SQL that all engines read: everything but texts and times."""
    types = {"int32": "INTEGER", "int64": "BIGINT", "double": "DOUBLE", "date": "DATE"}
    if column.kind == "boolean":
        return str(v).lower()
    text = f"{v:f}" if column.kind == "decimal" else repr(v) if column.kind == "double" else str(v)
    return f"CAST('{text}' AS {types.get(column.kind, column.type)})"


LIMITS = {"int32": (-2**31, 2**31 - 1), "int64": (-2**63, 2**63 - 1), "timestamp": (-62135596800000000, 253402300799999999),
          "date": (datetime.date.min, datetime.date.max)}


def beside(r, column, v):
    """The next value up or down, where bounds are decided."""
    up = r.choice([-1, 1])
    match column.kind:
        case "string" | "json":
            return v + r.choice(["\u0001", "a", "\U0010ffff"]) if up == 1 else v[:-1]
        case "boolean":
            return not v
        case "double":
            return v * r.choice([0.999, 1.001]) if abs(v) < 1e300 else v / 2
        case "decimal":
            return min(max(v + decimal.Decimal(up).scaleb(-column.scale), least(column)), -least(column))
        case kind:
            low, high = LIMITS[kind]
            if v == (high if up == 1 else low):
                return v
            return v + (datetime.timedelta(up) if kind == "date" else up)


def least(column):
    return -(decimal.Decimal(10**column.precision) - 1).scaleb(-column.scale)


def compare(r, column, values):
    """A comparison with values of the column and with such beside them."""
    op = r.choice([*OPERATORS, "between", "in", "null"]) if values else "null"
    number = {"null": 0, "between": 2, "in": r.choice([1, 2, 5])}.get(op, 1)
    at = r.randrange(len(values)) if values else 0
    near = values[at:at + r.choice([3, len(values)])]  # of sorted ones: few rows
    constants = [r.choice(near) for _ in range(number)]
    constants = [beside(r, column, v) if r.random() < 0.35 else v for v in constants]
    return Compare(column, op, sorted(constants) if op == "between" else constants)


def very_long(v):
    return isinstance(v, str) and len(v) > 10000


def at_random(r, columns, rows, each):
    """Conditions: so many of each column, then as many of two columns."""
    values = {c.name: [] if c.kind == "list" else sorted(row[c.name] for row in rows if row[c.name] is not None and not very_long(row[c.name]))
              for c in columns}

    def simple(c):
        p = compare(r, c, values[c.name])
        return Not(p) if r.random() < 0.25 else p

    single = [simple(c) for c in columns for _ in range(each)]
    return single + [r.choice([And, Or])(*(simple(c) for c in r.sample(columns, 2))) for _ in columns]
