"""Writes a folder of raw orders to try a migration with: docs/migrate.md.

    python orders.py FOLDER

Ten plain files of 200 orders, and one for each thing that the pandas function
and sluice do differently. The same orders every time.
"""

import json
import pathlib
import random
import sys

NAMES = ["Ana Silva", "Björn Ek", "Chloé Petit", "Dev Rao", "李娜"]


class Shop:
    def __init__(self):
        self.random = random.Random(1)
        self.last = 0

    def order(self, products=None, **changes):
        r, self.last = self.random, self.last + 1
        lines = [self.product() for _ in range(r.randint(1, 5) if products is None else products)]
        customer = r.randint(1, 500)
        return {
            "order_id": self.last,
            "order_date": f"2024-{r.randint(1, 12):02}-{r.randint(1, 28):02}",
            "total_amount": round(sum(p["price"] * p["quantity"] for p in lines), 2),
            "customer": {"customer_id": customer, "name": NAMES[customer % len(NAMES)],
                         "email": f"customer{customer}@example.com", "address": f"{customer} Main Street"},
            "products": lines,
        } | changes

    def product(self):
        r = self.random
        number = r.randint(1, 99)
        return {"product_id": number, "name": f"product {number}", "category": r.choice(["garden", "home", "toys"]),
                "price": r.randint(1, 99_999) / 100, "quantity": r.randint(1, 9)}


def main(folder):
    shop = Shop()
    files = {f"plain_{n:02}.json": [shop.order() for _ in range(200)] for n in range(10)}

    files["no_products.json"] = [shop.order(), shop.order(products=0), shop.order()]
    files["bad_price.json"] = [shop.order() for _ in range(5)]
    files["bad_price.json"][2]["products"][0]["price"] = "$3"
    files["no_address.json"] = [shop.order() for _ in range(5)]
    del files["no_address.json"][4]["customer"]["address"]
    files["text_ids.json"] = [shop.order(order_id="A-1", products=1)]
    files["text_ids.json"][0]["products"][0]["product_id"] = "P01"
    files["single.json"] = shop.order()

    folder.mkdir(parents=True, exist_ok=True)
    for name, orders in files.items():
        (folder / name).write_text(json.dumps(orders, ensure_ascii=False), encoding="utf-8")
    lines = [json.dumps(shop.order(), ensure_ascii=False) + "\n" for _ in range(5)]
    (folder / "lines.json").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
