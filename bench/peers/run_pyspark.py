"""Spark in local mode: the DataFrame API as a Glue job has it. The output is
a folder of files."""

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, explode

import common

a = common.arguments()
spark = (SparkSession.builder.master(f"local[{a.threads}]").appName("bench")
         .config("spark.ui.enabled", "false").config("spark.driver.memory", "4g").config("spark.driver.host", "127.0.0.1")
         .config("spark.driver.bindAddress", "127.0.0.1").config("spark.sql.session.timeZone", "UTC")
         .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS").getOrCreate())
gateway = spark.sparkContext._gateway
SCHEMA = ("order_id string, order_date timestamp, total_amount decimal(18,4), "
          "customer struct<customer_id: string, name: string, email: string, address: string>, "
          "products array<struct<product_id: string, name: string, category: string, price: decimal(18,4), quantity: bigint>>")
(spark.read.schema(SCHEMA).option("multiLine", a.form == "array").json(a.input)
 .withColumn("p", explode("products"))
 .select("order_id", "order_date", "customer.customer_id", col("customer.name").alias("customer_name"),
         col("customer.email").alias("customer_email"), col("customer.address").alias("customer_address"),
         "p.product_id", col("p.category").alias("product_category"), col("p.name").alias("product_name"),
         col("p.price").alias("product_price"), col("p.quantity").alias("product_quantity"), "total_amount")
 .write.mode("overwrite").option("compression", a.codec).parquet(a.output))
spark.stop()
# Waited for, so that the time and memory of the JVM are counted as ours.
gateway.shutdown()
gateway.proc.stdin.close()
gateway.proc.wait(timeout=60)
