"""Trino: a server with one connector."""

import datetime
import decimal
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
import zipfile

import pyarrow

from conversion import micros
from engines.arrow import plain_type
from predicates import number, sql

AT_ONCE = 40  # conditions in one query

HERE = pathlib.Path(__file__).parent
JARS = pathlib.Path(os.environ["TRINO"])
OPTIONS = ["-Xmx2g", "-XX:+UseG1GC", "-XX:TieredStopAtLevel=1", "--add-modules=jdk.incubator.vector", "--sun-misc-unsafe-memory-access=allow",
           "--enable-native-access=ALL-UNNAMED", "-Djdk.attach.allowAttachSelf=true",
           "-Duser.timezone=UTC"]
SERVER = """\
node.environment=readers
node.internal-address=127.0.0.1
node.bind-ip=127.0.0.1
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
plugin.dir={folder}/plugins
catalog.config-dir={folder}/catalogs
catalog.management=static
query.max-memory-per-node=500MB
"""
# Its metastore is a folder.
HIVE = """\
connector.name=hive
hive.metastore=file
hive.metastore.catalog.dir=local:///metastore
hive.timestamp-precision=MICROSECONDS
fs.local.enabled=true
local.location={folder}/tables
"""


def java():
    """A Java of version 25, which Trino needs: JAVA25, or where Linux keeps them."""
    named = os.environ.get("JAVA25")
    found = [named] if named else [home / "bin" / "java" for home in pathlib.Path("/usr/lib/jvm").glob("*25*")]
    found = [path for path in found if os.access(path, os.X_OK)]
    assert found, "Trino needs Java 25: name its command in JAVA25"
    return found[0]


class Trino:
    name = "Trino"
    kinds = {"string": "varchar", "json": "varchar", "boolean": "boolean", "int32": "integer", "int64": "bigint", "double": "double",
             "date": "date", "timestamp": "timestamp(6)"}
    zone = ""  # after the text of a moment

    connector, plugin, settings, schema = "hive", "io.trino.plugin.hive.HivePlugin", HIVE, "files"

    def __init__(self):
        """Starts the server; the first query waits for it."""
        self.folder = pathlib.Path(tempfile.mkdtemp())
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        for name in (f"plugins/{self.connector}", "catalogs", "tables"):
            (self.folder / name).mkdir(parents=True)
        for jar in JARS.glob("*.jar"):
            (self.folder / "plugins" / self.connector / jar.name).symlink_to(jar)
        with zipfile.ZipFile(self.folder / "plugins" / self.connector / "plugin.jar", "w") as jar:
            jar.writestr("META-INF/services/io.trino.spi.Plugin", self.plugin)
        (self.folder / "server.properties").write_text(SERVER.format(port=self.port, folder=self.folder))
        (self.folder / "catalogs" / f"{self.connector}.properties").write_text(self.settings.format(folder=self.folder))
        self.log = self.folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([java(), *OPTIONS, f"-Dconfig={self.folder}/server.properties", "-cp", f"{JARS}/*", HERE / "Trino.java"],
                                            cwd=self.folder, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT)
        self.tables = {}
        self.started = False

    @property
    def version(self):
        return self.query("SELECT version()")[0][0]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.folder)

    def wait(self):
        for _ in range(3000):
            if b"SERVER STARTED" in self.log.read_bytes():
                self.started = True
                return self.begin()
            assert self.process.poll() is None, f"Trino did not start:\n{self.log.read_text()[-5000:]}"
            time.sleep(0.2)
        raise SystemExit("Trino did not start in ten minutes")

    def begin(self):
        self.query("CREATE SCHEMA hive.files")

    def query(self, text):
        """The rows: a statement is posted, and pages of its result are fetched."""
        if not self.started:
            self.wait()
        headers = {"X-Trino-User": "readers", "X-Trino-Catalog": self.connector, "X-Trino-Schema": self.schema,
                   "X-Trino-Client-Capabilities": "PARAMETRIC_DATETIME"}  # else moments are rounded to milliseconds
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/v1/statement", text.encode(), headers)
        rows = []
        while True:
            with urllib.request.urlopen(request) as answer:
                page = json.load(answer)
            assert "error" not in page, f"Trino: {causes(page['error']['failureInfo'])}\n{text[:1000]}"
            rows += page.get("data", [])
            if "nextUri" not in page:
                return rows
            request = urllib.request.Request(page["nextUri"], headers=headers)

    def type(self, column):
        if column.kind == "list":
            return f"array({self.type(column.of)})"
        return column.type if column.kind == "decimal" else self.kinds[column.kind]

    def table(self, file):
        if file.path not in self.tables:
            name = f"t{len(self.tables)}"
            (self.folder / "tables" / name).mkdir()
            os.link(file.path, self.folder / "tables" / name / "file.parquet")
            columns = ", ".join(f"{c.name} {self.type(c)}" for c in file.columns)
            self.query(f"CREATE TABLE {name} ({columns}) WITH (external_location = 'local:///{name}', format = 'PARQUET')")
            self.tables[file.path] = name
        return self.tables[file.path]

    def cells(self, file):
        rows = self.query(f"SELECT {', '.join(c.name for c in file.columns)} FROM {self.table(file)}")
        columns = [pyarrow.array([parse(c, row[i]) for row in rows], plain_type(c))
                   for i, c in enumerate(file.columns)]
        return pyarrow.table(columns, [c.name for c in file.columns])

    def select(self, file, predicates):
        table = self.table(file)
        for start in range(0, len(predicates), AT_ONCE):
            some = predicates[start:start + AT_ONCE]
            found = [[] for _ in some]
            for k, n in self.query(" UNION ALL ".join(f"SELECT {i}, n FROM {table} WHERE {sql(p, self.literal)}" for i, p in enumerate(some))):
                found[k].append(n)
            yield from found

    def literal(self, column, v):
        if column.kind == "timestamp":
            return f"TIMESTAMP '{datetime.datetime(1970, 1, 1) + datetime.timedelta(microseconds=v)}{self.zone}'"
        if column.kind in ("string", "json"):
            return "U&'" + "".join(c if " " <= c <= "~" and c not in "'\\" else f"\\+{ord(c):06x}" for c in v) + "'"
        return number(column, v)


def causes(failure):
    """Its message, and those of what caused it."""
    return f"{failure['type']}: {failure.get('message')}" + (f", caused by {causes(failure['cause'])}" if "cause" in failure else "")


def parse(column, v):
    """A value from its JSON."""
    if v is None:
        return None
    if column.kind == "list":
        return [parse(column.of, e) for e in v]
    parsers = {"decimal": decimal.Decimal, "double": float, "date": datetime.date.fromisoformat, "timestamp": lambda v: micros(v.removesuffix(" UTC"))}
    return parsers.get(column.kind, lambda v: v)(v)
