"""chDB, the ClickHouse engine in process: file(), ARRAY JOIN, INTO OUTFILE.
JSONEachRow reads an array of objects too."""

import chdb

import common

a = common.arguments()
STRUCTURE = ("order_id String, order_date DateTime64(6, \\'UTC\\'), total_amount Decimal(18, 4), "
             "customer Tuple(customer_id String, name String, email String, address String), "
             "products Array(Tuple(product_id String, name String, category String, price Decimal(18, 4), quantity Int64))")
chdb.query(f"""
    SELECT order_id, order_date, customer.customer_id AS customer_id, customer.name AS customer_name, customer.email AS customer_email,
        customer.address AS customer_address, p.product_id AS product_id, p.category AS product_category, p.name AS product_name,
        p.price AS product_price, p.quantity AS product_quantity, total_amount
    FROM file('{a.input}', JSONEachRow, '{STRUCTURE}') ARRAY JOIN products AS p
    INTO OUTFILE '{a.output}' TRUNCATE FORMAT Parquet
    SETTINGS max_threads = {a.threads}, date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1,
        output_format_parquet_compression_method = '{a.codec}'""")
