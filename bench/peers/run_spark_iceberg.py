"""Orders into an Iceberg table by Spark, in a Hadoop catalog: run_spark_iceberg.py
FOLDER OUTPUT batch is one append; stream is structured streaming that takes the files
that are there, appends them and ends, and keeps in its checkpoint which it took. It
prints the rows. ICEBERG_JARS is the folder of the runtime for Spark."""

import glob
import os
import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, explode

SCHEMA = ("order_id string, order_date timestamp, total_amount decimal(18,4), "
          "customer struct<customer_id: string, name: string, email: string, address: string>, "
          "products array<struct<product_id: string, name: string, category: string, price: decimal(18,4), quantity: bigint>>")

folder, out, way = sys.argv[1:]
jar, = glob.glob(os.environ["ICEBERG_JARS"] + "/iceberg-spark-runtime-*.jar")
spark = (SparkSession.builder.master("local[*]").appName("bench")
         .config("spark.ui.enabled", "false").config("spark.driver.memory", "4g").config("spark.driver.host", "127.0.0.1")
         .config("spark.driver.bindAddress", "127.0.0.1").config("spark.sql.session.timeZone", "UTC").config("spark.jars", jar)
         .config("spark.sql.extensions", "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions")
         .config("spark.sql.catalog.lake", "org.apache.iceberg.spark.SparkCatalog").config("spark.sql.catalog.lake.type", "hadoop")
         .config("spark.sql.catalog.lake.warehouse", f"file://{out}").getOrCreate())
gateway = spark.sparkContext._gateway


def rows(orders):
    return (orders.withColumn("p", explode("products"))
            .select("order_id", "order_date", "customer.customer_id", col("customer.name").alias("customer_name"),
                    col("customer.email").alias("customer_email"), col("customer.address").alias("customer_address"),
                    "p.product_id", col("p.category").alias("product_category"), col("p.name").alias("product_name"),
                    col("p.price").alias("product_price"), col("p.quantity").alias("product_quantity"), "total_amount"))


if way == "batch":
    rows(spark.read.schema(SCHEMA).json(folder)).writeTo("lake.bench.orders").create()
else:
    rows(spark.createDataFrame([], SCHEMA)).writeTo("lake.bench.orders").create()
    query = (rows(spark.readStream.schema(SCHEMA).json(folder)).writeStream.format("iceberg").outputMode("append")
             .trigger(availableNow=True).option("checkpointLocation", f"file://{out}/checkpoint").toTable("lake.bench.orders"))
    query.awaitTermination()
print(spark.table("lake.bench.orders").count())
spark.stop()
# Waited for, so that the time and memory of the JVM are counted as ours.
gateway.shutdown()
gateway.proc.stdin.close()
gateway.proc.wait(timeout=60)
