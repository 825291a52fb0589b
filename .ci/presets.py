"""One SQL answers for all platforms: the documents of each preset in
internal/conversion/testdata/presets are converted, and DuckDB must find the
sums that stand there, written by hand."""

import decimal
import glob
import os
import subprocess
import sys
import tempfile

import duckdb

DOCUMENTS = "internal/conversion/testdata/presets/*.txtar"
SQL = {
    "order_lines": "SELECT currency, sum(coalesce(subtotal, quantity * unit_price)) AS s FROM '{}' WHERE platform = '{}' GROUP BY 1 HAVING s <> 0",
    "orders": "SELECT currency, sum(total) AS s FROM '{}' WHERE platform = '{}' GROUP BY 1 HAVING s <> 0",
}


def sections(path):
    """The sections of a txtar file, by name."""
    with open(path, encoding="utf-8") as f:
        text = "\n" + f.read()
    parts = [p.partition(" --\n") for p in text.split("\n-- ")[1:]]
    return {name: content for name, _, content in parts}


def main():
    wrong = []
    files = sorted(glob.glob(DOCUMENTS))
    for path in files:
        preset = os.path.basename(path).removesuffix(".txtar")
        parts = sections(path)
        want = {}
        for line in parts["sums"].splitlines():
            of, _, amount = line.rpartition(" ")
            want[of] = decimal.Decimal(amount)
        got = {}
        with tempfile.TemporaryDirectory() as folder:
            names = [n for n in parts if n != "sums" and not n.startswith("want ")]
            for name in names:
                with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
                    f.write(parts[name])
            out = os.path.join(folder, "out", "")
            subprocess.run([os.environ["SLUICE"], "convert", *(os.path.join(folder, n) for n in names), "-m", preset, "-o", out],
                           check=True, capture_output=True)
            for table, sql in SQL.items():
                if os.path.isdir(out + table):
                    rows = duckdb.sql(sql.format(f"{out}{table}/*.parquet", preset.partition("_")[0])).fetchall()
                    got |= {f"{table} {currency or 'NULL'}": amount for currency, amount in rows}
        print(f"{preset}: {len(names)} documents, {len(got)} sums")
        if got != want:
            wrong.append(f"{preset}: DuckDB finds {got}, but {want} is written")
    if wrong or not files:
        sys.exit("\n".join(wrong) or "no documents")


if __name__ == "__main__":
    main()
