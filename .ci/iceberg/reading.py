"""What is read, compared with what was written."""

import collections
import concurrent.futures
import random
import time

from cells import compare, counts, expected
from faults import FAULTS
from filters import Questions, columns, differences, questions
from predicates import Compare, Not, at_random, beside
from shapes import NAN

seconds = collections.Counter()  # that each engine took, beside the others


def everywhere(engines, check):
    """Runs the check in every engine, side by side. All are waited for."""
    def timed(engine):
        start = time.monotonic()
        try:
            check(engine)
        finally:
            seconds[engine.name] += time.monotonic() - start

    with concurrent.futures.ThreadPoolExecutor(len(engines)) as threads:
        results = [threads.submit(timed, engine) for engine in engines]
    failed = [(engine, result.exception()) for engine, result in zip(engines, results) if result.exception()]
    if failed:
        raise AssertionError("\n".join(f"{engine.name}: {error!r}"[:2000] for engine, error in failed))


def conditions(r, file, rows):
    """On each column each operator, with values that are there and such beside them;
    then random ones of one and of two columns."""
    made = []
    for c in file.columns:
        made += [Compare(c, "null", []), Not(Compare(c, "null", []))]
        if c.kind == "list":
            continue
        values = [row[c.name] for row in rows if row[c.name] is not None]
        values = sorted({v for v in values if v == v})
        if not values:
            continue
        # NaN is above everything to some, and below nothing to others.
        ops = ["=", "<", "<=", "in"] if c is NAN else ["=", "<", ">", "in"]
        for op in ops:
            some = [r.choice(values) for _ in range(3 if op == "in" else 1)]
            made.append(Compare(c, op, some))
        made.append(Compare(c, r.choice(ops[:3]), [beside(r, c, r.choice(values))]))
    return made + at_random(r, [c for c in file.columns if c is not NAN], rows, 1)


def some(r, file, rows, most):
    made = conditions(r, file, rows)
    return questions(r.sample(made, min(most, len(made))), rows, 1000)


def missing(engine, file, asked):
    """Conditions by which files are left out that have rows."""
    found = []
    for p, want, got in zip(asked.predicates, asked.answers, engine.select(file, asked.predicates), strict=True):
        if lost := sorted(set(want) - set(got)):
            found.append(f"{engine.name}, {file.path.name}: {p} leaves out files with {len(lost)} of {len(want)} rows: {lost[:5]}")
    return found


def read(engines, table, snapshot=None, most=60):
    """All rows of a table, and those that conditions select: so many at most."""
    file = table.file(snapshot)
    rows = table.rows() if snapshot is None else table.snapshots[snapshot]
    rows = sorted(rows, key=lambda row: row["n"])
    want = expected(file.columns, [[row[c.name] for c in file.columns] for row in rows])
    asked = some(random.Random(table.name), file, rows, most) if most else None

    def check(engine):
        compare(engine, file, want)
        if most:
            able = {c.name for c in file.columns if getattr(engine, "able", lambda c: True)(c)}
            wrong_of = FAULTS[engine.name]
            pairs = [(p, a) for p, a in zip(*asked) if all(c.name in able for c in columns(p)) and not wrong_of(table, p)]
            if not pairs:
                return
            left = Questions(*zip(*pairs))
            wrong = missing(engine, file, left) if hasattr(engine, "plans") else differences(engine, file, left)
            assert not wrong, "\n".join(wrong[:5])
            counts[f"conditions equal in {engine.name}"] += len(pairs)

    everywhere(engines, check)
