"""Runs compare.sql with DuckDB over two folders of Parquet files.

    python compare.py OLD NEW

Exits with 1 if the tables differ.
"""

import pathlib
import sys

import duckdb


def main(old, new):
    db = duckdb.connect()
    db.sql("SET threads = 1")  # the sum of floats depends on their order
    db.sql("SET TimeZone = 'UTC'")  # as in Athena; else a timestamp is shown, and cast, in local time
    # By name, as Athena finds columns; a file with other types is widened.
    for name, folder in {"old_rows": old, "new_rows": new}.items():
        db.sql(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{folder}/*.parquet', union_by_name = true)")
    sql = pathlib.Path(__file__).with_name("compare.sql").read_text(encoding="utf-8")
    totals, differences = (db.sql(query) for query in sql.split(";") if query.strip())
    print(totals)
    if not differences.fetchall():
        print("no difference")
        return 0
    print(differences)
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
