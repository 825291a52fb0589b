"""Orders into an Iceberg table by pyiceberg and pyarrow: run_pyiceberg.py FOLDER OUTPUT

All files of the folder become one append, with exact amounts. It prints the rows."""

import glob
import os
import sys

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj
from pyiceberg.catalog.sql import SqlCatalog

AMOUNT = pa.decimal128(18, 4)
PRODUCT = pa.struct([("product_id", pa.string()), ("name", pa.string()), ("category", pa.string()), ("price", AMOUNT), ("quantity", pa.int64())])
ORDER = pa.schema([
    ("order_id", pa.string()), ("order_date", pa.string()), ("total_amount", AMOUNT),
    ("customer", pa.struct([(name, pa.string()) for name in ("customer_id", "name", "email", "address")])),
    ("products", pa.list_(PRODUCT)),
])


def rows(path):
    """The lines of the orders in a file."""
    orders = pj.read_json(path, read_options=pj.ReadOptions(block_size=16 << 20), parse_options=pj.ParseOptions(explicit_schema=ORDER, unexpected_field_behavior="ignore")).combine_chunks()
    if isinstance(orders, pa.Table):
        orders = orders.to_batches()[0] if orders.num_rows else orders
    parent, products, customer = pc.list_parent_indices(orders["products"]), pc.list_flatten(orders["products"]), orders["customer"]
    columns = {
        "order_id": orders["order_id"].take(parent),
        "order_date": pc.cast(pc.strptime(orders["order_date"], "%Y-%m-%dT%H:%M:%SZ", "us"), pa.timestamp("us", "UTC")).take(parent),
        "total_amount": orders["total_amount"].take(parent),
    }
    for name in ("customer_id", "name", "email", "address"):
        columns["customer_" + name.removeprefix("customer_")] = pc.struct_field(customer, name).take(parent)
    for name in ("product_id", "name", "category", "price", "quantity"):
        columns["product_" + name.removeprefix("product_")] = pc.struct_field(products, name)
    return pa.table(columns)


def main():
    folder, out = sys.argv[1:]
    os.makedirs(out)
    catalog = SqlCatalog("bench", uri=f"sqlite:///{out}/catalog.db", warehouse=f"file://{out}")
    catalog.create_namespace("bench")
    data = pa.concat_tables(rows(path) for path in sorted(glob.glob(folder + "/*")))
    table = catalog.create_table("bench.orders", schema=data.schema)
    table.append(data)
    print(data.num_rows)


if __name__ == "__main__":
    main()
