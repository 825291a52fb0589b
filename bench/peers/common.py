"""What the peers in Python share: their arguments."""

import argparse


def arguments():
    p = argparse.ArgumentParser()
    p.add_argument("input")
    p.add_argument("output")
    p.add_argument("--form", default="ndjson", choices=["ndjson", "array"])
    p.add_argument("--shape", default="orders", choices=["orders", "shopify"])
    p.add_argument("--codec", default="zstd", choices=["zstd", "snappy"])
    p.add_argument("--threads", default=1, type=int)
    return p.parse_args()
