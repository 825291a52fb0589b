"""The engines that read the tables: those of .ci/readers, with a table in place of a
file. What each must give is in .ci/readers/engines."""

import glob
import os
import pathlib
import subprocess
import tempfile

import pyarrow
import pyspark
from pyiceberg.table import StaticTable

import engines.duck
import engines.iceberg
import engines.spark
import engines.trino
from extensions import connect
from lake import Lines, raw
from predicates import And, Compare, Or, without_not

JARS = pathlib.Path(os.environ["ICEBERG_JARS"])
HERE = pathlib.Path(__file__).parent


def named(lake, file):
    """The levels of a table's name."""
    return file.path.relative_to(lake.folder / "lake").parts


class DuckDB(engines.duck.DuckDB):
    def __init__(self, lake):
        self.db = connect("avro", "iceberg")

    def rows(self, file):
        snapshot = f", snapshot_from_id => {file.snapshot}" if file.snapshot else ""
        return f"iceberg_scan('{file.path}'{snapshot})"


class PyIceberg(engines.iceberg.Iceberg):
    def __init__(self, lake):
        pass

    def close(self):
        pass

    def table(self, file):
        return StaticTable.from_metadata(str(file.path))  # it goes by version-hint.text

    def cells(self, file):
        return self.table(file).scan(snapshot_id=file.snapshot).to_arrow()


class IcebergGo:
    """A program of its own: .ci/iceberg/go. It says which files may have rows that a
    condition selects: its own filters lose rows of any writer where half of a column is
    NULL, and of booleans and long decimals."""

    name, version, plans = "iceberg-go", "0.7.0", True

    def __init__(self, lake):
        self.reader = Lines(os.environ["ICEBERG_GO"])

    def close(self):
        self.reader.close()

    def able(self, column):
        return column.kind != "list"

    def metadata(self, file):
        version = (file.path / "metadata" / "version-hint.text").read_text()
        return f"file://{file.path}/metadata/v{version}.metadata.json"

    def cells(self, file):
        with tempfile.NamedTemporaryFile() as output:
            self.reader.ask(metadata=self.metadata(file), snapshot=file.snapshot or 0, output=output.name)
            with pyarrow.ipc.open_stream(output.name) as stream:
                return stream.read_all()

    def select(self, file, predicates):
        return self.reader.ask(metadata=self.metadata(file), snapshot=file.snapshot or 0, filters=[tree(without_not(p)) for p in predicates])["n"]


def tree(p):
    match p:
        case And(left, right) | Or(left, right):
            return {"op": type(p).__name__.lower(), "Left": tree(left), "Right": tree(right)}
        case Compare(c, op, constants):
            found = {"op": op, "column": c.name, "kind": c.kind, "scale": getattr(c, "scale", 0), "values": [raw(c, v) for v in constants]}
            # To Iceberg, NULL is not in anything, and different from all.
            return {"op": "and", "Left": {"op": "not null", "column": c.name}, "Right": found} if op in ("<>", "not in") else found


class Spark(engines.spark.Spark):
    def __init__(self, lake):
        jar, = JARS.glob("iceberg-spark-runtime-*.jar")
        self.settings = engines.spark.SETTINGS | {
            "spark.jars": str(jar), "spark.sql.extensions": "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions",
            "spark.sql.catalog.lake": "org.apache.iceberg.spark.SparkCatalog", "spark.sql.catalog.lake.type": "hadoop",
            "spark.sql.catalog.lake.warehouse": f"file://{lake.folder}/lake", "spark.sql.catalog.lake.cache-enabled": "false",
        }
        super().__init__()
        self.lake = lake

    def rows(self, file):
        at = f" VERSION AS OF {file.snapshot}" if file.snapshot else ""
        name = ".".join(f"`{level}`" for level in named(self.lake, file))
        return self.session.sql(f"SELECT * FROM lake.{name}{at}")

    def rest(self, uri):
        """The catalog rest is that of a server."""
        catalog = "spark.sql.catalog.rest"
        for key, value in {catalog: "org.apache.iceberg.spark.SparkCatalog", f"{catalog}.type": "rest", f"{catalog}.uri": uri, f"{catalog}.cache-enabled": "false"}.items():
            self.session.conf.set(key, value)

    def sql(self, text):
        return self.session.sql(text).collect()


ICEBERG = """\
connector.name=iceberg
iceberg.catalog.type=rest
iceberg.rest-catalog.uri=http://127.0.0.1:{port}
iceberg.rest-catalog.view-endpoints-enabled=false
iceberg.rest-catalog.nested-namespace-enabled=true
iceberg.expire-snapshots.min-retention=0s
iceberg.remove-orphan-files.min-retention=0s
fs.local.enabled=true
local.location=/
"""


class Trino(engines.trino.Trino):
    """Its catalog is a REST server over the folder: Trino itself has no such tables."""

    connector, plugin, schema = "iceberg", "io.trino.plugin.iceberg.IcebergPlugin", "db"
    kinds = engines.trino.Trino.kinds | {"timestamp": "timestamp(6) with time zone"}
    zone = " UTC"

    def __init__(self, lake):
        jars = [str(jar) for jar in JARS.glob("*.jar") if "spark" not in jar.name]
        hadoop = pathlib.Path(pyspark.__file__).parent / "jars" / "hadoop-client-*"
        self.rest = subprocess.Popen(["java", "-XX:TieredStopAtLevel=1", "-cp", ":".join(jars + glob.glob(str(hadoop))), HERE / "Rest.java", f"file://{lake.folder}/lake"],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.rest_port = self.rest.stdout.readline().strip()
        assert self.rest_port, "the REST catalog did not start"
        self.settings = ICEBERG.format(port=self.rest_port)
        self.lake = lake
        super().__init__()

    def begin(self):
        pass

    def close(self):
        super().close()
        self.rest.stdin.close()
        self.rest.wait()

    def table(self, file):
        *schema, name = named(self.lake, file)
        return f'"{".".join(schema)}"."{name}"' + (f" FOR VERSION AS OF {file.snapshot}" if file.snapshot else "")


ENGINES = [DuckDB, PyIceberg, IcebergGo, Spark, Trino]
