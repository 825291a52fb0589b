"""Other engines rewrite a table between the commits of sluice: nothing of what is read
changes, and rows that they moved are replaced when their source is."""

import itertools
import random

import pyarrow
import pyarrow.parquet

import shapes
from engines.arrow import arrow_type, plain_type
from reading import read
from shapes import DOUBLE, MONEY, N, PLAIN

COLUMNS = [N, PLAIN[0], MONEY[1], PLAIN[5], DOUBLE]
KEYS = [f"{k}.json" for k in range(6)]

SPARK = [
    ["ALTER TABLE lake.db.{t} SET TBLPROPERTIES ('write.parquet.compression-codec'='snappy')",
     "CALL lake.system.rewrite_data_files(table => 'db.{t}', options => map('rewrite-all', 'true'))"],
    ["CALL lake.system.rewrite_position_delete_files(table => 'db.{t}', options => map('rewrite-all', 'true'))"],
    ["ALTER TABLE lake.db.{t} SET TBLPROPERTIES ('write.parquet.compression-codec'='gzip')",
     "CALL lake.system.rewrite_data_files(table => 'db.{t}', strategy => 'sort', sort_order => 'n DESC', "
     "options => map('rewrite-all', 'true', 'remove-dangling-deletes', 'true'))"],
    ["CALL lake.system.rewrite_manifests('db.{t}')"],
    ["ALTER TABLE lake.db.{t} SET TBLPROPERTIES ('write.parquet.compression-codec'='zstd', 'write.parquet.dict-size-bytes'='64')",
     "CALL lake.system.rewrite_data_files(table => 'db.{t}', options => map('rewrite-all', 'true', 'use-starting-sequence-number', 'false'))",
     "CALL lake.system.expire_snapshots(table => 'db.{t}', older_than => TIMESTAMP '2999-01-01 00:00:00', retain_last => 1)",
     # Trino writes DELTA_LENGTH_BYTE_ARRAY, which Spark reads row by row only.
     "ALTER TABLE lake.db.{t} SET TBLPROPERTIES ('read.parquet.vectorization.enabled'='false')"],
]
TRINO = [
    ["ALTER TABLE {t} EXECUTE optimize"],
    ["ALTER TABLE {t} EXECUTE optimize_manifests"],
    ["ALTER TABLE {t} EXECUTE expire_snapshots(retention_threshold => '0s')", "ALTER TABLE {t} EXECUTE remove_orphan_files(retention_threshold => '0s')"],
]


def check_compaction(engines, lake):
    r = random.Random(2)
    named = {engine.name: engine for engine in engines}
    steps = [(named["Spark"].sql, step) for step in SPARK] + [(named["Trino"].query, step) for step in TRINO]
    for name, partition in (("moved", ()), ("moved_parts", [("s", "bucket[2]", "s_bucket")])):
        t = lake.table(name, COLUMNS, partition)
        t.commit({key: shapes.rows(r, t, 5) for key in KEYS})
        for run, step in steps:
            t.commit(shapes.changes(r, t, KEYS))
            t.commit(shapes.changes(r, t, KEYS))
            for statement in step:
                run(statement.format(t=name))
            read(engines, t, most=0)
            t.commit(shapes.changes(r, t, KEYS))
            read(engines, t, most=0)
        read(engines, t, most=12)


def check_encodings(engines, lake):
    """Files with the column of sources in each encoding, of each codec."""
    r = random.Random(3)
    reader = [engine for engine in engines if engine.name == "pyiceberg"]
    t = lake.table("encoded", COLUMNS)
    for codec, encoding in itertools.product(["snappy", "gzip", "zstd", "none"], [None, "PLAIN", "DELTA_BYTE_ARRAY", "DELTA_LENGTH_BYTE_ARRAY"]):
        for version in ("1.0", "2.0"):
            t.commit({key: shapes.rows(r, t, 4) for key in KEYS})
            rows = t.rows()
            r.shuffle(rows)
            path = t.path / "data" / f"{codec}-{encoding}-{version}.parquet"
            pyarrow.parquet.write_table(
                arrow_table(t, rows), path, compression=codec, data_page_version=version, use_dictionary=encoding is None,
                column_encoding={"_source_id": encoding} if encoding else None, data_page_size=200, row_group_size=10, write_batch_size=3)
            t.replace(path, len(rows))
            t.commit(shapes.changes(r, t, KEYS))
            read(reader, t, most=0)


def arrow_table(t, rows):
    _, metadata = t.metadata()
    schema, = (s for s in metadata["schemas"] if s["schema-id"] == metadata["current-schema-id"])
    ids = {field["name"]: field["id"] for field in schema["fields"]}
    columns = t.file().columns
    fields = [pyarrow.field(c.name, arrow_type(c), metadata={"PARQUET:field_id": str(ids[c.name])}) for c in columns]
    arrays = [pyarrow.array([row[c.name] for row in rows], plain_type(c)).cast(arrow_type(c)) for c in columns]
    return pyarrow.table(arrays, pyarrow.schema(fields))
