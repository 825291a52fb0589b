"""Tables that sluice writes into a folder, and what is known of their rows without it:
the rows that each source key has now."""

import collections
import datetime
import itertools
import json
import os
import pathlib
import subprocess

from conversion import Column

# A table as readers know it: its folder, its columns, and a snapshot; None: the newest.
File = collections.namedtuple("File", "path columns snapshot", defaults=[None])

SOURCE = Column("_source_id", "", "string")
ABSENT, REJECTED = "absent", "reject"  # what a source may be instead of rows


def raw(column, v):
    """A value as .ci/icebergtables and the reader in Go take it."""
    if v is None:
        return None
    match column.kind:
        case "list":
            return [raw(column.of, e) for e in v]
        case "double":
            return repr(v)
        case "decimal":
            return int(v.scaleb(column.scale))
        case "date":
            return (v - datetime.date(1970, 1, 1)).days
    return v


class Lines:
    """A process that answers lines of JSON with lines of JSON."""

    def __init__(self, *command):
        self.process = subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"{self.process.args[0]} ended"
        answer = json.loads(line)
        assert not answer["error"], answer["error"]
        return answer

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0


def newest(path):
    """The URI of the newest metadata file of a table, and what it says."""
    # Not by the hint: Spark removes the one before it renames the next.
    version = max(int(f.name.split(".")[0][1:]) for f in (path / "metadata").glob("v*.metadata.json"))
    file = path / "metadata" / f"v{version}.metadata.json"
    return f"file://{file}", json.loads(file.read_text())


class Lake:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)  # lake in it is the warehouse: a table's folder there is its name
        self.writer = Lines(os.environ["ICEBERGTABLES"], self.folder)
        self.ask, self.close = self.writer.ask, self.writer.close

    def table(self, name, columns, partition=(), keep=1000):
        return Table(self, name, columns, partition, keep)


class Table:
    """partition: column, transform and name of each field."""

    def __init__(self, lake, name, columns, partition, keep):
        self.lake, self.name, self.columns, self.partition = lake, name, columns, partition
        self.written = columns
        self.shown = [*columns, SOURCE]  # in the order of the table
        self.truncated = {c for c, transform, _ in partition if transform.startswith("truncate")}
        self.path = lake.folder / "lake" / "db" / name
        self.sources = {}   # key -> rows, each a dict
        self.others = []    # rows of no source
        self.snapshots = {}  # ID -> rows
        self.count = itertools.count()  # for the column n, by which rows are known
        self.versions = itertools.count(1)
        self.ask(do="create", columns=self.typed(), keep=keep,
                 partition=[{"column": c, "transform": transform, "name": field} for c, transform, field in partition])

    def ask(self, **request):
        return self.lake.ask(table=self.name, **request)

    def typed(self, columns=None):
        return [{"name": c.name, "type": c.type} for c in columns or self.columns]

    def raw(self, rows):
        return [[raw(c, row[c.name]) for c in self.written] for row in rows]

    def commit(self, changes, **options):
        """changes: key -> rows, ABSENT or REJECTED."""
        sources = []
        for key, to in changes.items():
            outcome, rows = (to, []) if isinstance(to, str) else ("accept", self.raw(to))
            sources.append({"key": key, "identity": f"v{next(self.versions)}", "outcome": outcome, "rows": rows})
        answer = self.ask(do="commit", sources=sources, **options)
        for key, to in changes.items():
            if to == ABSENT:
                self.sources.pop(key, None)
            elif to != REJECTED:
                self.sources[key] = [row | {"_source_id": answer["ids"][key]} for row in to]
        assert (answer["missing"], answer["resurrected"]) == (0, len(self.others)), f"{self.name}: {answer}"
        assert answer["ledger"] == sum(map(len, self.sources.values())), f"{self.name}: the ledger has {answer['ledger']} rows"
        return self.done(answer)

    def append(self, rows, masked=(), **options):
        """Rows of no source; masked: first row and number, of those that go at once."""
        gone = {n for first, number in masked for n in range(first, first + number)}
        self.others += [row | {"_source_id": None} for n, row in enumerate(rows) if n not in gone]
        return self.done(self.ask(do="append", rows=self.raw(rows), masked=masked, **options))

    def replace(self, file, number):
        """A file of so many rows, in place of all data files."""
        key = f"db/{self.name}/data/{file.name}"
        return self.done(self.ask(do="replace", file=key, file_rows=number))

    def evolve(self, columns, written=None):
        """written: the columns of new rows, if those are narrower or fewer."""
        self.columns, self.written = columns, written or columns
        now = {c.name: c for c in columns}
        self.shown = [now.pop(c.name, c) for c in self.shown] + list(now.values())
        for taken in (self.columns, self.written):
            self.ask(do="evolve", columns=self.typed(taken))

    def done(self, answer):
        self.snapshots[answer["snapshot"]] = self.rows()
        return answer

    def rows(self):
        return [row for rows in self.sources.values() for row in rows] + self.others

    def file(self, snapshot=None):
        return File(self.path, self.shown, snapshot)

    def metadata(self):
        return newest(self.path)
