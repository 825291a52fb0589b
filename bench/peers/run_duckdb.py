"""DuckDB as its documentation has it: read_json with the columns named (which
is faster than letting it guess), unnest, COPY to Parquet."""

import duckdb

import common

a = common.arguments()
ORDERS = """{order_id: 'VARCHAR', order_date: 'TIMESTAMPTZ', total_amount: 'DECIMAL(18,4)',
    customer: 'STRUCT(customer_id VARCHAR, name VARCHAR, email VARCHAR, address VARCHAR)',
    products: 'STRUCT(product_id VARCHAR, name VARCHAR, category VARCHAR, price DECIMAL(18,4), quantity BIGINT)[]'}"""
SHOPIFY = """{id: 'VARCHAR', name: 'VARCHAR', created_at: 'TIMESTAMPTZ', cancelled_at: 'TIMESTAMPTZ', currency: 'VARCHAR',
    financial_status: 'VARCHAR', fulfillment_status: 'VARCHAR', subtotal_price: 'DECIMAL(18,4)', total_discounts: 'DECIMAL(18,4)',
    total_tax: 'DECIMAL(18,4)', total_price: 'DECIMAL(18,4)', customer: 'STRUCT(id VARCHAR)', email: 'VARCHAR',
    line_items: 'STRUCT(id VARCHAR, product_id VARCHAR, variant_id VARCHAR, sku VARCHAR, title VARCHAR, price DECIMAL(18,4), quantity BIGINT)[]'}"""
SELECT_ORDERS = """order_id, order_date, customer.customer_id AS customer_id, customer.name AS customer_name, customer.email AS customer_email,
    customer.address AS customer_address, p.product_id AS product_id, p.category AS product_category, p.name AS product_name,
    p.price AS product_price, p.quantity AS product_quantity, total_amount
    FROM (SELECT * EXCLUDE (products), unnest(products) AS p"""
SELECT_SHOPIFY = """id AS order_id, name AS order_name, created_at, cancelled_at, currency, financial_status, fulfillment_status, subtotal_price,
    total_discounts, total_tax, total_price, customer.id AS customer_id, email AS customer_email, p.id AS line_id, p.product_id AS product_id,
    p.variant_id AS variant_id, p.sku AS sku, p.title AS product_title, p.price AS product_price, p.quantity AS product_quantity
    FROM (SELECT * EXCLUDE (line_items), unnest(line_items) AS p"""

columns, select = (SHOPIFY, SELECT_SHOPIFY) if a.shape == "shopify" else (ORDERS, SELECT_ORDERS)
form = {"ndjson": "newline_delimited", "array": "array"}[a.form]
db = duckdb.connect(config={"threads": a.threads})
db.execute("SET timezone = 'UTC'")
db.execute(f"COPY (SELECT {select} FROM read_json('{a.input}', format = '{form}', columns = {columns}))) "
           f"TO '{a.output}' (FORMAT parquet, COMPRESSION {a.codec})")
