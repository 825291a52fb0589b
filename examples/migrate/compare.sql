-- Compares the rows of the pandas function, old_rows, with those of sluice,
-- new_rows. Runs in DuckDB and in Athena: make the two names views or tables
-- first, see docs/migrate.md. It prints ids and counts, no names or addresses.

-- How many rows and orders, how much money. Old money is a float, so its sum
-- may be a little off, and the new one is exact.
SELECT 'old' AS side, count(*) AS row_count, count(DISTINCT CAST(order_id AS varchar)) AS orders,
       CAST(sum(product_price * product_quantity) AS varchar) AS money
FROM old_rows
UNION ALL
SELECT 'new', count(*), count(DISTINCT order_id), CAST(sum(product_price * product_quantity) AS varchar)
FROM new_rows
ORDER BY side DESC;

-- Rows that are not there equally often on both sides, in the types of sluice.
-- No row: the tables are the same.
WITH both_sides AS (
  SELECT CAST(order_id AS varchar) AS order_id, CAST(order_date AS timestamp) AS order_date,
         CAST(customer_id AS varchar) AS customer_id, customer_name, customer_email, customer_address,
         CAST(product_id AS varchar) AS product_id, product_category, product_name,
         CAST(product_price AS decimal(18,4)) AS product_price, CAST(product_quantity AS bigint) AS product_quantity,
         1 AS in_old, 0 AS in_new
  FROM old_rows
  UNION ALL
  SELECT order_id, order_date, customer_id, customer_name, customer_email, customer_address,
         product_id, product_category, product_name, product_price, product_quantity, 0, 1
  FROM new_rows
), differing AS (
  SELECT order_id, product_id, sum(in_old) AS in_old, sum(in_new) AS in_new
  FROM both_sides
  GROUP BY order_id, order_date, customer_id, customer_name, customer_email, customer_address,
           product_id, product_category, product_name, product_price, product_quantity
  HAVING sum(in_old) <> sum(in_new)
)
SELECT CASE WHEN in_new = 0 THEN 'only old' WHEN in_old = 0 THEN 'only new'
            WHEN in_old > in_new THEN 'more often old' ELSE 'more often new' END AS difference,
       count(*) AS row_count, count(DISTINCT order_id) AS orders, min(order_id) AS for_example
FROM differing
GROUP BY 1
ORDER BY 1;
