"""Tables that the command writes, from objects that are overwritten, deleted, quarantined
in part and rejected; also while Spark and Trino rewrite them."""

import collections
import concurrent.futures
import decimal
import itertools
import json
import os
import random
import subprocess
import threading
import time
import urllib.request

from pyiceberg.table import StaticTable

from cells import compare, counts, expected
from conversion import Column
from lake import File, newest
from reading import everywhere, read
from shapes import value
from tables import written

SLUICE = os.environ["SLUICE"]
KEY = Column("n", "n", "int64", ", required: true")
SHARED = [Column("s", "s", "string"), Column("day", "day", "date")]  # of a record, and of each of its lines
ORDERS = [KEY, *SHARED, Column("moment", "moment", "timestamp"), Column("flag", "flag", "boolean"), Column("i32", "i32", "int32"), Column("m38", "m38", "decimal(38,10)"),
          Column("d", "d", "double"), Column("tags", "tags", "list<string>")]
LINES = [KEY, *SHARED, Column("code", "code", "string"), Column("i64", "i64", "int64"), Column("price", "price", "decimal(9,2)")]
SOURCE = [Column("_source_id", "", "string"), Column("_source_state", "", "string")]
TRANSFORMS = {"truncate": "trunc"}
MOST = 100  # changes of a table beside Spark and Trino
CUT = b'[{"n": 1, "s": '  # an object that is rejected


def mapping(tables):
    text = "tables:\n"
    for name, columns in tables.items():
        at = "$" if name == "orders" else "$.lines[*]"
        text += f"  - table: {name}\n" + ("" if name == "orders" else f'    explode: "{at}"\n    when_empty: skip\n') + "    columns:\n"
        for c in columns:
            text += f'      - {{name: {c.name}, path: "{"$" if c in SHARED else at}.{c.name}", type: "{c.type}"{c.more}}}\n'
    return text


class Table:
    """What is known of a table: the rows of each key, without those of SOURCE."""

    def __init__(self, run, name, columns, partition):
        self.run, self.name, self.columns = run, name, columns
        self.partition = []  # the fields of all specs
        self.divide(partition)
        self.path = run.sink / name
        self.snapshots = {}  # ID -> rows
        self.ids = {}        # key -> _source_id

    def divide(self, partition):
        names = {c.name for c in self.columns}
        self.partition += [(c, t, f"{c}_{TRANSFORMS.get(t, t)}") for t, c in partition if c in names]

    def file(self, snapshot=None):
        return File(self.path, [*self.columns, *SOURCE], snapshot)

    def rows(self):
        """With the source's columns, as pyiceberg reads them. All rows of a key have one
        _source_id, for good, and one _source_state."""
        uri, _ = newest(self.path)
        scan = StaticTable.from_metadata(uri).scan(selected_fields=("n", "_source_id", "_source_state"))
        at = {row["n"]: row for row in scan.to_arrow().to_pylist()}
        made, states = [], {}
        for key, rows in self.run.shown.items():
            for row in rows[self.name]:
                source = at[row["n"]]
                assert self.ids.setdefault(key, source["_source_id"]) == source["_source_id"], f"{self.name}: {key} has two _source_id"
                assert states.setdefault(key, source["_source_state"]) == source["_source_state"], f"{self.name}: {key} has two _source_state"
                made.append(row | source)
        assert len(set(self.ids.values())) == len(self.ids) and len(set(states.values())) == len(states), f"{self.name}: two keys have the same _source_id or _source_state"
        return made


class Run:
    """A source that the command brings into tables."""

    def __init__(self, lake, name, tables, partition, r, catalog="catalog: file"):
        self.name, self.r, self.folder, self.sink = name, r, lake.folder / name, lake.folder / "lake" / name
        self.source = self.folder / "source"
        self.source.mkdir(parents=True)
        (self.folder / "mapping.yaml").write_text(mapping(tables))
        self.configure(partition, catalog)
        self.place = ["-c", "sluice.yaml"]
        self.tables = [Table(self, name, columns, partition) for name, columns in tables.items()]
        self.count = itertools.count()  # for n
        self.shown = {}                 # key -> table -> rows
        self.objects = collections.Counter()
        self.reports = collections.Counter()
        self.values = {}                # of columns that repeat

    def configure(self, partition, catalog):
        transforms = ", ".join(f'"{t.replace("[", "(").replace("]", ", ") if "[" in t else t + "("}{c})"' if t != "identity" else c for t, c in partition)
        (self.folder / "sluice.yaml").write_text(
            f"source: source\nsink: {self.sink}/\nledger: ledger\nquarantine: quarantine\nmapping: mapping.yaml\non_delete: remove\n"
            f"table: {{format: iceberg, {catalog}, partition: [{transforms}]}}\n")

    def divide(self, partition, catalog="catalog: file"):
        """New files are divided so; older ones stay as they are."""
        self.configure(partition, catalog)
        for t in self.tables:
            t.divide(partition)

    def value(self, column):
        """Few values, so that partitions have some rows."""
        if column is KEY:
            return next(self.count)
        pool = self.values.setdefault(column, [value(self.r, column) for _ in range(5)])
        return self.r.choice(pool)

    def record(self):
        head = {c.name: self.value(c) for c in ORDERS}
        return head, [{c.name: head[c.name] if c in SHARED else self.value(c) for c in LINES} for _ in range(self.r.choice([0, 1, 1, 3]))]

    def write(self, key):
        """The object becomes another one, or goes."""
        kind, path = self.r.random(), self.source / key
        if kind < 0.12 and key in self.objects:
            path.unlink(missing_ok=True)
            self.shown.pop(key, None)
            return
        self.objects[key] += 1
        if kind < 0.24:
            path.write_bytes(CUT + str(self.objects[key]).encode())
            return
        records = [self.record() for _ in range(self.r.randrange(12))]
        texts = [object_of(ORDERS, head)[:-1] + ', "lines": [' + ", ".join(object_of(LINES, line) for line in lines) + "]}" for head, lines in records]
        if len(texts) > 2:
            texts.insert(1, '{"n": null, "lines": [{"n": 1}]}')  # is quarantined
        path.write_text("[" + ",\n".join(texts) + "]", encoding="utf-8")
        self.shown[key] = {"orders": [head for head, _ in records], "lines": [line for _, lines in records for line in lines]}

    def change(self, keys):
        for key in keys:
            self.write(key)
        self.start()

    def sluice(self, *arguments):
        """The report of a command."""
        p = subprocess.run([SLUICE, *arguments, "--report", "json"], cwd=self.folder, capture_output=True)
        assert p.returncode in (0, 1, 3), p.stderr.decode()
        return json.loads(p.stdout)

    def start(self):
        """Runs the command: no object fails, and no row is missing or too many."""
        report = self.sluice("run", *self.place)
        state = report["tables"]
        assert (report["objects"]["failed"], state["rows_missing"], state["rows_resurrected"]) == (0, 0, 0), f"{self.name}: {report}"
        self.reports.update({name: n for name, n in state.items() if isinstance(n, int)})  # not what tables are divided by
        self.reports.update({"rejected": report["objects"]["rejected"], "records quarantined": report["records_quarantined"]})
        for t in self.tables:
            _, metadata = newest(t.path)
            of = {s["snapshot-id"]: s for s in metadata["snapshots"]}
            at = metadata["current-snapshot-id"]
            while "sluice.batch" not in of[at]["summary"]:  # of others, who change nothing
                at = of[at]["parent-snapshot-id"]
            t.snapshots[at] = t.rows()


def object_of(columns, row):
    return "{" + ", ".join(f'"{c.name}": {"null" if row[c.name] is None else written(c, row[c.name])}' for c in columns) + "}"


def check_commanded(engines, lake):
    """Several runs, two tables of one mapping, partitions of every kind."""
    partitions = {
        "parts": [("day", "moment"), ("bucket[2]", "s"), ("identity", "flag")],
        "others": [("month", "day"), ("truncate[1]", "s"), ("truncate[1000]", "i32"), ("truncate[100]", "i64"), ("hour", "moment")],
    }
    for name, partition in partitions.items():
        run = Run(lake, name, {"orders": ORDERS, "lines": LINES}, partition, random.Random(name))
        keys = [f"{k}.json" for k in range(8)]
        run.change(keys)
        for _ in range(5):
            run.change(run.r.sample(keys, 4))
        assert run.reports["rejected"] and run.reports["records quarantined"], run.reports
        for t in run.tables:
            read(engines, t, most=25)
        counts["tables that the command wrote"] += len(run.tables)


def check_divided(engines, lake):
    """A table that is divided otherwise twice, with files of three partition specs, in all of
    which objects are replaced; then small files get the newest spec."""
    run = Run(lake, "divided", {"orders": ORDERS}, [("day", "moment")], random.Random(7))
    keys = [f"{k}.json" for k in range(10)]
    run.change(keys)
    for partition in ([("bucket[2]", "s"), ("identity", "flag")], [("bucket[4]", "s"), ("month", "day")]):
        run.divide(partition)
        run.change(run.r.sample(keys, 4))
    table, = run.tables
    _, metadata = newest(table.path)
    assert metadata["default-spec-id"] == 2 and len(metadata["partition-specs"]) == 3, metadata["partition-specs"]
    read(engines, table, most=25)
    compacted, = run.sluice("table", "compact", *run.place)["tables"]
    assert compacted["data_files_before"] and not compacted["data_files_unread"], compacted
    read(engines, table, most=10)
    run.change(run.r.sample(keys, 4))
    read(engines, table, most=10)
    counts["tables of several partition specs"] += 1


class Added(Run):
    """A source whose objects have a file each, which tables then take."""

    def __init__(self, lake, name, tables, partition, r):
        super().__init__(lake, name, tables, partition, r)
        bucket = lake.folder / "lake" / name
        self.source, self.sink = bucket / "raw", bucket / "tables"
        self.source.mkdir(parents=True)
        for t in self.tables:
            t.path = self.sink / t.name
        *_, table = (self.folder / "sluice.yaml").read_text().splitlines()
        same = f"source: s3://{name}/raw/\nquarantine: s3://{name}/quarantine/\nmapping: mapping.yaml\non_delete: remove\n"
        (self.folder / "files.yaml").write_text(f"{same}sink: s3://{name}/files/\nledger: s3://{name}/ledger/\n")
        (self.folder / "sluice.yaml").write_text(f"{same}sink: s3://{name}/tables/\nledger: s3://{name}/ledger_tables/\n{table}\n")
        self.lake = ["--lake", lake.folder / "lake"]
        self.place += self.lake

    def files(self, keys):
        """Objects change, and each has a file of its own."""
        for key in keys:
            self.write(key)
        assert self.sluice("run", "-c", "files.yaml", *self.lake)["objects"]["failed"] == 0


def check_added(engines, lake):
    """Files of objects that tables have taken, also after Spark has rewritten them and
    objects have changed."""
    spark = next(e for e in engines if e.name == "Spark")
    run = Added(lake, "added", {"orders": ORDERS, "lines": LINES}, [("bucket[2]", "s"), ("day", "moment")], random.Random(6))
    keys = [f"{k}.json" for k in range(12)]
    run.files(keys)
    run.files(keys[:6])
    report = run.sluice("table", "add-files", "--from", "files.yaml", *run.place)
    assert report["objects"] == len(run.objects) and not report["objects_left"], report
    run.start()
    # iceberg-go has NULL in columns that a file lacks, and pyiceberg finds no rows by
    # conditions on them, also where the partition has the value.
    partial = ("iceberg-go", "pyiceberg")
    read_all([e for e in engines if e.name not in partial], run.tables)
    read_all([e for e in engines if e.name in partial], [Some(t, t.columns) for t in run.tables])
    run.change(keys[4:7])
    for t in run.tables:
        spark.sql(f"CALL lake.system.rewrite_data_files(table => 'added.tables.{t.name}', options => map('rewrite-all', 'true'))")
    run.start()
    read_all(engines, run.tables)
    run.change(keys[2:9])
    read_all(engines, run.tables)
    verified = run.sluice("table", "verify", *run.place)["tables"]
    assert [v["rows_counted"] for v in verified] == [len(t.rows()) for t in run.tables], verified


class Some:
    """A table of which only some columns are looked at."""

    def __init__(self, table, columns):
        self.name, self.partition, self.rows = table.name, table.partition, table.rows
        self.file = lambda snapshot=None: File(table.path, columns, snapshot)


def read_all(engines, tables):
    for t in tables:
        read(engines, t, most=10)
    counts["tables with files that were added"] += len(tables)


def check_demo(engines, lake):
    """The table of sluice demo: four orders, of which one was corrected."""
    subprocess.run([SLUICE, "demo", "--table", "--dir", lake.folder / "lake" / "demo"], check=True, stdout=subprocess.DEVNULL)
    path = lake.folder / "lake" / "demo" / "demo-bucket" / "orders_data_parquet" / "order_lines"
    orders = json.loads((path.parents[1] / "raw_orders_data" / "orders.json").read_text(), parse_float=decimal.Decimal)
    rows = [[str(o["order_id"]), o["customer"]["name"], p["name"], decimal.Decimal(p["price"]).quantize(decimal.Decimal("0.0001")), p["quantity"]]
            for o in orders for p in o["products"]]
    assert [row[3] for row in rows if row[0] == "3"] == [decimal.Decimal("89.9")], "the price was not corrected"
    columns = [Column("order_id", "", "string"), Column("customer_name", "", "string"), Column("product_name", "", "string"),
               Column("product_price", "", "decimal(18,4)"), Column("product_quantity", "", "int64")]
    file, want = File(path, columns), expected(columns, rows)
    everywhere(engines, lambda engine: compare(OnlyCells(engine), file, want))
    counts["tables that the command wrote"] += 1


def engine_of(snapshot):
    return "sluice" if "sluice.batch" in snapshot["summary"] else "Trino" if "trino_query_id" in snapshot["summary"] else "Spark"


class OnlyCells:
    """An engine of which only some columns are looked at."""

    def __init__(self, engine):
        self.name, self.cells = engine.name, engine.cells


def check_beside(engines, lake):
    """The command, Spark and Trino commit to one table at the same time."""
    spark, trino = (next(e for e in engines if e.name == name) for name in ("Spark", "Trino"))
    uri = f"http://127.0.0.1:{trino.rest_port}"
    urllib.request.urlopen(urllib.request.Request(f"{uri}/v1/namespaces", b'{"namespace": ["beside"]}', {"Content-Type": "application/json"})).close()
    run = Run(lake, "beside", {"orders": ORDERS}, [("bucket[2]", "s"), ("day", "moment")], random.Random(4), f"catalog: rest, uri: '{uri}', namespace: beside")
    table, = run.tables
    keys = [f"{k}.json" for k in range(8)]
    run.change(keys)
    spark.rest(uri)
    spark.session.sparkContext.setLogLevel("OFF")  # refused commits are expected
    # Trino writes DELTA_LENGTH_BYTE_ARRAY, which Spark reads row by row only.
    spark.sql("ALTER TABLE rest.beside.orders SET TBLPROPERTIES ('read.parquet.vectorization.enabled'='false')")
    done, refused = threading.Event(), collections.Counter()

    def rewrite(name, statement):
        while not done.is_set():
            try:
                statement()
            except Exception as e:
                # What was rewritten was changed meanwhile, or another commit was faster.
                if not any(words in str(e) for words in ("CommitFailed", "Cannot commit", "Failed to commit", "found new", "Commit failed")):
                    raise
                refused[name] += 1

    statements = {
        "Spark": lambda: spark.sql("CALL rest.system.rewrite_data_files(table => 'beside.orders', options => map('rewrite-all', 'true', 'partial-progress.enabled', 'true', 'partial-progress.max-failed-commits', '1000'))"),
        "Trino": lambda: trino.query("ALTER TABLE beside.orders EXECUTE optimize"),
    }
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        compactors = [threads.submit(rewrite, name, statement) for name, statement in statements.items()]
        try:
            for n in range(MOST):
                run.change(run.r.sample(keys, 3))
                time.sleep(run.r.uniform(0, n / 10))  # long enough in the end for who is slow
                by = collections.Counter(engine_of(s) for s in newest(table.path)[1]["snapshots"])
                if n > 12 and min(by["Spark"], by["Trino"]) > 1:
                    break
        finally:
            done.set()
        for compactor in compactors:
            compactor.result()
    run.change(keys[:2])
    run.start()

    _, metadata = newest(table.path)
    by, moved = collections.Counter(), []
    of = {s["snapshot-id"]: s for s in metadata["snapshots"]}
    for s in metadata["snapshots"]:
        by[engine_of(s)] += 1
        at = s
        while "sluice.batch" not in at["summary"]:
            at = of[at["parent-snapshot-id"]]
        if at is not s:
            table.snapshots[s["snapshot-id"]] = table.snapshots[at["snapshot-id"]]
            moved.append(s["snapshot-id"])
    print(f"beside each other: {dict(by)} snapshots; tried again or given up: sluice {run.reports['commit_conflicts']}, {dict(refused)}", flush=True)
    assert min(by[name] for name in ("sluice", "Spark", "Trino")) > 1, by
    read(engines, table, most=40)
    for snapshot in random.Random(5).sample(moved, min(4, len(moved))):
        read(engines, table, snapshot, most=0)
    counts["snapshots of Spark and Trino beside sluice"] += by["Spark"] + by["Trino"]
