"""pyarrow's own JSON reader (NDJSON only) with a schema, list_flatten, and
its Parquet writer."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
import pyarrow.parquet as pq

import common

a = common.arguments()
pa.set_cpu_count(a.threads)
TEXT, MONEY = pa.string(), pa.decimal128(18, 4)
SCHEMA = pa.schema([
    ("order_id", TEXT), ("order_date", pa.timestamp("us", "UTC")), ("total_amount", MONEY),
    ("customer", pa.struct([("customer_id", TEXT), ("name", TEXT), ("email", TEXT), ("address", TEXT)])),
    ("products", pa.list_(pa.struct([("product_id", TEXT), ("name", TEXT), ("category", TEXT), ("price", MONEY), ("quantity", pa.int64())]))),
])
orders = pj.read_json(a.input, read_options=pj.ReadOptions(use_threads=a.threads > 1),
                      parse_options=pj.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="ignore"))


def flatten(batch):
    parent = pc.list_parent_indices(batch["products"])
    order = lambda column: column.take(parent)
    customer = lambda name: order(batch["customer"].field(name))
    products = pc.list_flatten(batch["products"])
    return pa.RecordBatch.from_pydict({
        "order_id": order(batch["order_id"]), "order_date": order(batch["order_date"]),
        "customer_id": customer("customer_id"), "customer_name": customer("name"),
        "customer_email": customer("email"), "customer_address": customer("address"),
        "product_id": products.field("product_id"), "product_category": products.field("category"), "product_name": products.field("name"),
        "product_price": products.field("price"), "product_quantity": products.field("quantity"), "total_amount": order(batch["total_amount"]),
    })


pq.write_table(pa.Table.from_batches(map(flatten, orders.to_batches())), a.output, compression=a.codec)
