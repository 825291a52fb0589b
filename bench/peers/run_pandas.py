"""The Python Lambda that sluice replaces: json.load, a loop over orders and
products, a DataFrame, to_parquet. Its dates stay text and its money is a
float. (NDJSON it cannot read; here it gets a line for that.)"""

import gzip
import json

import pandas as pd

import common

a = common.arguments()
with (gzip.open if a.input.endswith(".gz") else open)(a.input, "rt", encoding="utf-8") as f:
    orders = json.load(f) if a.form == "array" else [json.loads(line) for line in f]

rows = []
for order in orders:
    for product in order["products"]:
        rows.append({
            "order_id": order["order_id"],
            "order_date": order["order_date"],
            "customer_id": order["customer"]["customer_id"],
            "customer_name": order["customer"]["name"],
            "customer_email": order["customer"]["email"],
            "customer_address": order["customer"]["address"],
            "product_id": product["product_id"],
            "product_category": product["category"],
            "product_name": product["name"],
            "product_price": product["price"],
            "product_quantity": product["quantity"],
            "total_amount": order["total_amount"],
        })
pd.DataFrame(rows).to_parquet(a.output, engine="pyarrow", compression=a.codec, index=False)
