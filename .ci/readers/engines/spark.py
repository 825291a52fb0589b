"""Spark, in a Java virtual machine of its own."""

import os

import pyspark.sql

from predicates import number, sql

# Conditions that stand in one query, without aggregates and generated code:
# six times as fast as one by one.
AT_ONCE = 60

SETTINGS = {
    "spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false", "spark.sql.session.timeZone": "UTC", "spark.sql.shuffle.partitions": "2",
    "spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1", "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN", "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}


class Spark:
    name, version = "Spark", pyspark.__version__
    kinds = {"string": "string", "json": "string", "boolean": "boolean", "int32": "int", "int64": "bigint", "double": "double",
             "date": "date", "timestamp": "timestamp"}

    settings = SETTINGS

    def __init__(self):
        os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
        builder = pyspark.sql.SparkSession.builder.master("local[2]")
        for key, value in self.settings.items():
            builder = builder.config(key, value)
        self.session = builder.getOrCreate()
        self.session.sparkContext.setLogLevel("ERROR")

    def close(self):
        self.session.stop()

    def type(self, column):
        if column.kind == "list":
            return f"array<{self.type(column.of)}>"
        return column.type if column.kind == "decimal" else self.kinds[column.kind]

    def rows(self, file):
        return self.session.read.parquet(str(file.path))

    def types(self, file):
        return [(f.name, f.dataType.simpleString()) for f in self.rows(file).schema]

    def cells(self, file):
        return self.rows(file).toArrow()

    def select(self, file, predicates):
        self.rows(file).createOrReplaceTempView("file")
        for start in range(0, len(predicates), AT_ONCE):
            some = predicates[start:start + AT_ONCE]
            query = " UNION ALL ".join(f"SELECT {i} AS k, n FROM file WHERE {sql(p, self.literal)}" for i, p in enumerate(some))
            found = [[] for _ in some]
            for k, n in self.session.sql(query).collect():
                found[k].append(n)
            yield from found

    def literal(self, column, v):
        if column.kind == "timestamp":
            return f"timestamp_micros({v})"
        if column.kind in ("string", "json"):
            return "'" + "".join(c if " " <= c <= "~" and c not in "'\\" else f"\\U{ord(c):08x}" for c in v) + "'"
        return number(column, v)
