"""Conditions that statistics, indexes and bloom filters help to answer give the
rows they give without them."""

import collections

from cells import counts
from predicates import And, Compare, Not, Or, truth

# Conditions, and the n of the rows that each selects.
Questions = collections.namedtuple("Questions", "predicates answers")


def questions(predicates, rows, most):
    """The predicates that select so many rows at most."""
    pairs = [(p, sorted(row["n"] for row in rows if truth(p, row))) for p in predicates]
    return Questions(*zip(*((p, answer) for p, answer in pairs if len(answer) <= most)))


def columns(p):
    match p:
        case Compare(c, _, _):
            return [c]
        case Not(of):
            return columns(of)
        case And(left, right) | Or(left, right):
            return columns(left) + columns(right)


def differences(engine, file, asked):
    """What the engine answers otherwise, as texts."""
    found = []
    for p, want, got in zip(asked.predicates, asked.answers, engine.select(file, asked.predicates), strict=True):
        got = sorted(got)
        if got != want:
            missing, extra = sorted(set(want) - set(got)), sorted(set(got) - set(want))
            found.append(f"{engine.name}, {file.path.name}: {p} gives {len(got)} rows, want {len(want)}; missing {missing[:5]}, too many {extra[:5]}")
    return found


def compare_filters(engine, file, asked):
    able = {c.name for c in file.columns if getattr(engine, "able", lambda c: True)(c)}
    pairs = [(p, a) for p, a in zip(*asked) if all(c.name in able for c in columns(p))]
    asked = Questions([p for p, _ in pairs], [a for _, a in pairs])
    wrong = differences(engine, file, asked)
    assert not wrong, "\n".join(wrong[:5])
    counts[f"conditions equal in {engine.name}"] += len(pairs)
