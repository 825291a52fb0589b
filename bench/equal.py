"""Says whether two Parquet files hold the same rows, whatever their order, as
one line of JSON. Runs under a Python that has duckdb.

    equal.py all A B      EXCEPT ALL in both directions must be empty
    equal.py sums A B     numbers of rows, and the sums of the hashes of the rows

B may be a folder. Columns are compared as the types of A: what a peer wrote as
text or float must give the same value.
"""

import json
import os
import sys

import duckdb

how, a, b = sys.argv[1:]
db = duckdb.connect()
db.execute("SET timezone = 'UTC'")
db.execute("SET enable_progress_bar = false")
db.execute("SET preserve_insertion_order = false")
if os.path.isdir(b):
    b += "/*.parquet"
columns = db.execute(f"DESCRIBE SELECT * FROM '{a}'").fetchall()
of_a = f"SELECT {', '.join(c[0] for c in columns)} FROM '{a}'"
of_b = f"SELECT {', '.join(f'{c[0]}::{c[1]} AS {c[0]}' for c in columns)} FROM '{b}'"
types = {c[0]: c[1] for c in db.execute(f"DESCRIBE SELECT * FROM '{b}'").fetchall()}


def one(sql):
    return db.execute(sql).fetchone()


rows = [one(f"SELECT count(*) FROM ({q})")[0] for q in (of_a, of_b)]
if how == "all":
    differ = [one(f"SELECT count(*) FROM (({x}) EXCEPT ALL ({y}))")[0] for x, y in ((of_a, of_b), (of_b, of_a))]
    same = differ == [0, 0]
else:
    differ = None
    x, y = (one(f"SELECT sum(hash(t)::HUGEINT) FROM ({q}) t")[0] for q in (of_a, of_b))
    same = x == y
print(json.dumps({
    "equal": same and rows[0] == rows[1], "rows": rows, "only_in": differ,
    # What the peer wrote otherwise than we did.
    "types": {c[0]: types[c[0]] for c in columns if types[c[0]] != c[1]},
}))
