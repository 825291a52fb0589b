"""What stands in a document of NDJSON, by Python's own JSON parser, and whether
a type that somebody inferred holds it. No type is expected here: a type is
right if it holds every value, exactly, as what the value is."""

import json
import re
from datetime import datetime, timezone
from decimal import Decimal

RIGHT, LOOSE, WRONG = "right", "loose", "wrong"  # loose: exact, but for the reader to cast
NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
CODE = re.compile(r"0\d+")  # digits with a zero in front, which a number would not have
FIRST = frozenset("-0123456789")  # of all these
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def truth(path):
    """By path, what its values are; by path of a list, its elements; and the
    number of records."""
    values, elements, records = {}, {}, 0
    with open(path, "rb") as f:
        for line in f:
            add(values, elements, "$", json.loads(line, parse_float=Decimal))
            records += 1
    return {"values": values, "elements": elements, "records": records}


def add(values, elements, path, v):
    if isinstance(v, dict):
        for name, member in v.items():
            add(values, elements, f"{path}.{name}", member)
    elif isinstance(v, list):
        path += "[*]"
        elements[path] = elements.get(path, 0) + len(v)
        for element in v:
            add(values, elements, path, element)
    elif v is not None:
        name = kind(v)
        try:
            k = values[path][name]
        except KeyError:
            k = values.setdefault(path, {}).setdefault(name, {"count": 0})
        k["count"] += 1
        if name == "text of a time with offset":
            moment = datetime.fromisoformat(v).astimezone(timezone.utc).replace(tzinfo=None).isoformat()
            k["least"] = min(k.get("least", moment), moment)
        elif name in ("integer", "number", "text of a number"):
            number(k, Decimal(v))


def kind(v):
    if isinstance(v, bool):
        return "boolean"
    if isinstance(v, int):
        return "integer"
    if isinstance(v, Decimal):
        return "number"
    if v[:1] not in FIRST:
        return "text"
    if NUMBER.fullmatch(v):
        return "text of a number"
    if CODE.fullmatch(v):
        return "text of digits, zeros in front"
    return "text of a time with offset" if MOMENT.fullmatch(v) else "text"


def number(k, v):
    whole, double = int(v), float(v)
    if "least" not in k:
        k |= {"least": whole, "greatest": whole, "fraction": 0, "fractions": 0, "inexact": 0, "rounded": 0}
    if whole < k["least"]:
        k["least"] = whole
    if whole > k["greatest"]:
        k["greatest"] = whole
    if v != whole:
        k["fractions"] += 1
        k["fraction"] = max(k["fraction"], -v.as_tuple().exponent)
    if v != double:  # Python compares them exactly.
        k["inexact"] += 1
        k["rounded"] += Decimal(repr(double)) != v  # Not even printed alike.


def verdict(t, kinds):
    """Whether a type holds the values of a path: right, loose or wrong, and what it loses."""
    n = sum(k["count"] for k in kinds.values())
    if t is None:
        return WRONG, f"no column: {n:,} value{'s' * (n > 1)} lost"
    if t["kind"] == "stopped":
        return WRONG, ""
    if t["kind"] == "columns":
        # Each kind in the first column that holds it.
        lost = [why for name, k in kinds.items() if (why := min((lost_of(c, name, k) for c in t["columns"]), key=bool))]
        return (WRONG, "; ".join(lost)) if lost else (LOOSE, "in two columns")
    if lost := [why for name, k in kinds.items() if (why := lost_of(t, name, k))]:
        return WRONG, "; ".join(lost)
    if t["kind"] == "naive_timestamp":
        return LOOSE, "in UTC, which the type does not say"
    texts = {name.startswith("text") and name != "text of a number" for name in kinds}
    if len(texts) > 1:
        return RIGHT, ""  # Numbers and texts: only text or JSON holds them.
    if t["kind"] == "json" or t["kind"] == "text" and not kinds.keys() <= {"text", "text of digits, zeros in front"}:
        return LOOSE, ""
    return RIGHT, ""


def lost_of(t, name, k):
    """What a type loses of the values of one kind; "" if nothing."""
    n = counted(name, k)
    match t["kind"], name:
        case "text" | "json", _:
            return ""
        case "boolean", "boolean":
            return ""
        case "timestamp", "text of a time with offset":
            return ""
        case "naive_timestamp", "text of a time with offset":
            return "" if t.get("least") == k["least"] else f"{k['count']:,} times without their zone"
        case "integer", "integer":
            return "" if t["least"] <= k["least"] and k["greatest"] <= t["greatest"] else f"{n}: out of range"
        case "integer", "number":
            return f"{k['fractions']:,} with a fraction" if k["fractions"] else ""
        case "decimal", "integer" | "number" | "text of a number":
            return "" if k["fraction"] <= t["scale"] and digits(k) <= t["precision"] - t["scale"] else f"{n}: too many digits"
        case "float", "integer" | "number" | "text of a number":
            if k["rounded"]:
                return f"{k['rounded']:,} of {k['count']:,} lose digits"
            return f"{k['inexact']:,} of {k['count']:,} not exact" if k["inexact"] else ""
    return f"{n}: no room"


def described(kinds):
    """The truth of a path in words."""
    words = []
    for name, k in kinds.items():
        extra = ""
        if k.get("fraction"):
            extra = f", up to {k['fraction']} digits after the point"
        elif name == "integer" and digits(k) > 15:
            extra = f" of up to {digits(k)} digits"
        words.append(counted(name, k) + extra)
    return "; ".join(words)


def digits(k):
    """Before the point."""
    return max(len(str(abs(v))) for v in (k["least"], k["greatest"]))


def counted(name, k):
    head, space, rest = name.partition(" ")
    return f"{k['count']:,} {head}{'s' * (k['count'] > 1)}{space}{rest}"
