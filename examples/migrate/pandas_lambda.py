"""The pandas function that sluice replaces, to compare with: docs/migrate.md.

    python pandas_lambda.py OUT FILE...

transform and load are what runs in Lambda; main stands for S3, which hands it
one uploaded file after another and does not care how one of them ends.
"""

import json
import pathlib
import sys
from datetime import datetime

import pandas


def transform(orders):
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
            })
    return pandas.DataFrame(rows)


def load(frame, out, source):
    # In Lambda the name is the second alone, and two files of one second
    # overwrite each other. Here the name of the input keeps them apart.
    name = f"orders_ETL_{datetime.now():%Y%m%d_%H%M%S}_{len(list(out.iterdir())):03}_{source.stem}.parquet"
    frame.to_parquet(out / name, index=False)


def main(out, files):
    out.mkdir(parents=True, exist_ok=True)
    lost = 0
    for file in files:
        try:
            load(transform(json.loads(file.read_text(encoding="utf-8"))), out, file)
        except Exception as error:  # what Lambda logs, before it tries twice more
            lost += 1
            print(f"{file.name}: {type(error).__name__}")
    print(f"{len(files) - lost} files written, {lost} lost")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), [pathlib.Path(name) for name in sys.argv[2:]])
