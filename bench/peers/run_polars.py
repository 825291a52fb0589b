"""polars, lazily: scan_ndjson with a schema, explode, sink_parquet; an array
is read by read_json, which is eager. Its JSON reader knows no decimals: they
are read as floats and cast, which is exact for these prices only."""

import os

import common

a = common.arguments()
os.environ["POLARS_MAX_THREADS"] = str(a.threads)  # Read when polars is loaded.
import polars as pl  # noqa: E402

MONEY = pl.Decimal(18, 4)
SCHEMA = {
    "order_id": pl.String, "order_date": pl.Datetime("us", "UTC"), "total_amount": pl.Float64,
    "customer": pl.Struct({"customer_id": pl.String, "name": pl.String, "email": pl.String, "address": pl.String}),
    "products": pl.List(pl.Struct({"product_id": pl.String, "name": pl.String, "category": pl.String, "price": pl.Float64, "quantity": pl.Int64})),
}
if a.form == "array":
    orders = pl.read_json(a.input, schema=SCHEMA).lazy()
else:
    orders = pl.scan_ndjson(a.input, schema=SCHEMA)
customer, product = pl.col("customer").struct, pl.col("products").struct
orders.explode("products").select(
    "order_id", "order_date",
    customer.field("customer_id"), customer.field("name").alias("customer_name"),
    customer.field("email").alias("customer_email"), customer.field("address").alias("customer_address"),
    product.field("product_id"), product.field("category").alias("product_category"), product.field("name").alias("product_name"),
    product.field("price").cast(MONEY).alias("product_price"), product.field("quantity").alias("product_quantity"),
    pl.col("total_amount").cast(MONEY),
).sink_parquet(a.output, compression=a.codec)
