"""parquet-java, the library below Spark and Hive, of the version that Spark
brings, by its own filters: statistics, dictionaries, column index, bloom filters
and then each record."""

import concurrent.futures
import datetime
import decimal
import functools
import glob
import multiprocessing
import os
import re

import jpype
import pyspark

from predicates import And, Compare, Or, truth, without_not

JARS = glob.glob(os.path.join(os.path.dirname(pyspark.__file__), "jars", "*.jar"))
EPOCH = datetime.date(1970, 1, 1)
METHODS = {"=": "eq", "<": "lt", "<=": "ltEq", ">": "gt", ">=": "gtEq", "in": "in_"}


class ParquetJava:
    """In a process of its own, as Java's signals are not ClickHouse's."""

    name = "parquet-java"
    version = next(m[1] for m in (re.search(r"parquet-hadoop-([\d.]+)\.jar", jar) for jar in JARS) if m)

    def __init__(self):
        self.process = concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))

    def close(self):
        self.process.shutdown()

    def select(self, file, predicates):
        return self.process.submit(select, file, predicates).result()

    def lists(self, file):
        """The rows of columns that are lists."""
        return self.process.submit(lists, file).result()

    def able(self, column):
        """A filter is about columns of single values."""
        return column.kind != "list"


def select(file, predicates):
    return list(filters().select(file, predicates))


def lists(file):
    return list(filters().lists(file))


@functools.cache
def filters():
    return Filters()


class Filters:
    """Conditions in parquet-java's words."""

    def __init__(self):
        jpype.startJVM("-Xmx1g", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", classpath=JARS)
        java = jpype.JClass
        self.api = java("org.apache.parquet.filter2.predicate.FilterApi")
        self.condition = java("org.apache.parquet.filter2.compat.FilterCompat").get
        self.builder = java("org.apache.parquet.hadoop.ParquetReader").builder
        self.groups = java("org.apache.parquet.hadoop.example.GroupReadSupport")
        self.path = java("org.apache.hadoop.fs.Path")
        self.settings = java("org.apache.hadoop.conf.Configuration")(False)
        self.binary = java("org.apache.parquet.io.api.Binary")
        self.set = java("java.util.HashSet")
        self.boxes = {kind: java("java.lang." + name) for kind, name in
                      {"int": "Integer", "long": "Long", "double": "Double", "boolean": "Boolean"}.items()}

    def select(self, file, predicates):
        path = self.path(file.path.as_uri())
        for p in predicates:
            reader = self.builder(self.groups(), path).withConf(self.settings).withFilter(self.condition(self.filter(without_not(p)))).build()
            found = []
            while (record := reader.read()) is not None:
                found.append(int(record.getLong("n", 0)))
            reader.close()
            yield found

    def lists(self, file):
        reader = self.builder(self.groups(), self.path(file.path.as_uri())).withConf(self.settings).build()
        while (record := reader.read()) is not None:
            yield tuple(self.list(record, c) for c in file.columns)
        reader.close()

    def list(self, record, column):
        if record.getFieldRepetitionCount(column.name) == 0:
            return None
        elements = record.getGroup(column.name, 0)
        return [self.element(elements.getGroup("list", i), column.of) for i in range(elements.getFieldRepetitionCount("list"))]

    def element(self, group, column):
        if group.getFieldRepetitionCount("element") == 0:
            return None
        match stored(column):
            case "int":
                v = int(group.getInteger("element", 0))
            case "long":
                v = int(group.getLong("element", 0))
            case "double":
                return float(group.getDouble("element", 0))
            case "boolean":
                return bool(group.getBoolean("element", 0))
            case _ if column.kind == "decimal":
                v = int.from_bytes(bytes(group.getBinary("element", 0).getBytes()), "big", signed=True)
            case _:
                return str(group.getString("element", 0))
        if column.kind == "date":
            return EPOCH + datetime.timedelta(v)
        return decimal.Decimal(v).scaleb(-column.scale) if column.kind == "decimal" else v

    def filter(self, p):
        match p:
            case And(left, right):
                return self.api.and_(self.filter(left), self.filter(right))
            case Or(left, right):
                return self.api.or_(self.filter(left), self.filter(right))
            case Compare(c, op, constants):
                kind = stored(c)
                column = getattr(self.api, kind + "Column")(c.name)
                present = self.api.notEq(column, None)
                if op in ("null", "not null"):
                    return present if op == "not null" else self.api.eq(column, None)
                if kind == "double":
                    op, constants = zeros(op, constants)
                if kind == "boolean":
                    return self.boolean(column, [v for v in (False, True) if truth(p, {c.name: v})])
                values = [self.value(c, kind, v) for v in constants]
                if op in ("<>", "not in"):
                    # NULL differs from all values, it says; and notIn gives rows of the values, too.
                    return functools.reduce(self.api.and_, [self.api.notEq(column, v) for v in values], present)
                return getattr(self.api, METHODS[op])(column, self.set(values) if op == "in" else values[0])

    def boolean(self, column, allowed):
        """Of booleans it knows equality alone."""
        false, true = (self.api.eq(column, self.boxes["boolean"](v)) for v in (False, True))
        return self.api.or_(false, true) if len(allowed) == 2 else self.api.and_(false, true) if not allowed else true if allowed[0] else false

    def value(self, column, kind, v):
        if column.kind in ("string", "json"):
            return self.binary.fromString(v)
        if column.kind == "date":
            v = (v - EPOCH).days
        if column.kind == "decimal":
            v = int(v.scaleb(column.scale))
        if kind == "binary":
            return self.binary.fromConstantByteArray(v.to_bytes(((10**column.precision).bit_length() + 8) // 8, "big", signed=True))
        return self.boxes[kind](v)


def zeros(op, constants):
    """To parquet-java -0.0 is below 0.0: a comparison that means both."""
    if not any(v == 0 for v in constants):
        return op, constants
    match op:
        case "=" | "<>" | "in" | "not in":
            return {"=": "in", "<>": "not in"}.get(op, op), [*constants, -0.0, 0.0]
        case _:
            return op, [-0.0 if op in ("<", ">=") else 0.0]


def stored(column):
    """What parquet-java calls the physical type."""
    kinds = {"int32": "int", "date": "int", "int64": "long", "timestamp": "long", "double": "double", "boolean": "boolean"}
    if column.kind == "decimal":
        return "int" if column.precision <= 9 else "long" if column.precision <= 18 else "binary"
    return kinds.get(column.kind, "binary")
