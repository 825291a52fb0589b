"""What the peers that infer types share: their arguments, and the form in which
they say what they found, which judge.py reads: {"types": {path: type}, "rows":
{path of a list: rows of its table}}. A type has the peer's name for it, a kind,
and what the kind needs."""

import argparse
import json


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("input")
    p.add_argument("output")
    p.add_argument("--records", default="all", choices=["all", "default"], help="what to look at; default: the peer's own sample")
    p.add_argument("--threads", default=1, type=int)
    return p.parse_args()


def integer(name, bits, signed=True):
    return {"name": name, "kind": "integer", "least": -(1 << bits - 1) if signed else 0, "greatest": (1 << bits - signed) - 1}


def decimal(name, precision, scale):
    return {"name": name, "kind": "decimal", "precision": precision, "scale": scale}


def plain(name, kind):
    """Of kind float (64 bits), text, boolean, timestamp (with a time zone),
    naive_timestamp (with its least value, if UTC is what it means), json, null,
    or other."""
    return {"name": name, "kind": kind}


def write(output, types, rows=None):
    with open(output, "w") as f:
        json.dump({"types": types, "rows": rows or {}}, f)
