"""What is compared: inputs, peers, and which peer runs on which input."""

import os
from dataclasses import dataclass

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
DATA = os.path.join(HERE, "data")

KINDS = {
    "shop": "orders of a shop whose products and customers repeat",
    "distinct": "orders in which nearly no value repeats: names, prices and ids are random",
    "wide": "orders of the shop, half of whose bytes are members that no column wants",
    "traps": "orders of the shop with members whose types are hard to find; traps.NAME: with one of these",
    "shopify": "orders as Shopify's Admin API gives them, 6 kB each; the mapping `bench/shopify.yaml`",
}
SUFFIX = {"ndjson": ".ndjson", "array": ".json", "gzip": ".ndjson.gz"}


@dataclass(frozen=True)
class Input:
    kind: str
    mb: int  # 10^6 bytes, before gzip
    form: str  # ndjson; array, on one line; gzip: NDJSON in gzip
    orders: int = 0  # no more than these; 0: as many as mb has room for

    @property
    def name(self):
        return f"{self.kind}-{self.mb}-{self.form}"

    @property
    def path(self):
        return os.path.join(DATA, f"{self.kind}-{self.mb}{SUFFIX[self.form]}")

    @property
    def layout(self):
        return "array" if self.form == "array" else "ndjson"

    @property
    def shape(self):
        return "shopify" if self.kind == "shopify" else "orders"


@dataclass(frozen=True)
class Peer:
    name: str
    label: str
    package: str = ""  # in Python, whose version is told
    script: str = ""
    binary: str = ""  # in Go: v1 or v2
    writer: str = ""
    forms: tuple = ("ndjson", "array", "gzip")
    shapes: tuple = ("orders",)
    note: str = ""


PEERS = {p.name: p for p in [
    Peer("duckdb", "DuckDB", package="duckdb", script="run_duckdb.py", shapes=("orders", "shopify")),
    Peer("polars", "polars", package="polars", script="run_polars.py", forms=("ndjson", "array"),
         note="reads prices as floats and casts them to decimals: its JSON reader knows none"),
    Peer("chdb", "chDB (ClickHouse)", package="chdb", script="run_chdb.py"),
    Peer("pyarrow", "pyarrow's JSON reader", package="pyarrow", script="run_pyarrow.py", forms=("ndjson",),
         note="reads no array"),
    Peer("go-v1", "Go: encoding/json + parquet-go", binary="v1", writer="parquet-go",
         note="one goroutine by nature; the second core is for the garbage collector"),
    Peer("go-v2", "Go: encoding/json/v2 + parquet-go", binary="v2", writer="parquet-go", note="as above"),
    Peer("go-v1-arrow", "Go: encoding/json + arrow-go", binary="v1", writer="arrow-go", note="as above"),
    Peer("go-v2-arrow", "Go: encoding/json/v2 + arrow-go", binary="v2", writer="arrow-go", note="as above"),
    Peer("pandas", "pandas + pyarrow (the Python Lambda)", package="pandas", script="run_pandas.py", forms=("ndjson", "array"),
         note="as the Lambda that sluice replaces: dates stay text, money is a float"),
    Peer("pyspark", "Spark, local mode", package="pyspark", script="run_pyspark.py",
         note="the start of the JVM is in it"),
]}


@dataclass(frozen=True)
class Comparison:
    input: Input
    peer: str
    codec: str
    cores: int
    pairs: int

    @property
    def key(self):
        return f"{self.input.name} {self.codec} {self.cores} {self.peer}"


def everybodys(sizes):
    """The size on which all peers run; the largest is DuckDB's alone."""
    return sizes[len(sizes) // 2]


def comparisons(sizes):
    """The whole plan, what is asked most first; sizes in MB, rising."""
    large, small = sizes[-1], everybodys(sizes)
    plan = []

    def add(peer, kind, mb, form, cores, pairs, codec="zstd"):
        c = Comparison(Input(kind, mb, form), peer, codec, cores, pairs)
        if c.key not in {p.key for p in plan}:
            plan.append(c)

    for form in ("ndjson", "array"):
        for cores in (1, 2):
            add("duckdb", "shop", large, form, cores, 3)
    for cores in (1, 2):
        add("duckdb", "shop", small, "ndjson", cores, 5)
        add("duckdb", "shop", small, "ndjson", cores, 3, codec="snappy")
        add("duckdb", "distinct", large, "ndjson", cores, 3)
    for peer, pairs in (("polars", 3), ("chdb", 5), ("pyarrow", 5)):
        for cores in (1, 2):
            add(peer, "shop", small, "ndjson", cores, pairs)
    add("pandas", "shop", small, "array", 1, 3)
    add("pandas", "shop", small, "ndjson", 2, 2)
    for peer, pairs in (("go-v1", 3), ("go-v2", 3), ("go-v1-arrow", 2), ("go-v2-arrow", 2)):
        add(peer, "shop", small, "ndjson", 1, pairs)
    add("go-v1", "shop", small, "ndjson", 2, 3)
    add("go-v2", "shop", small, "ndjson", 2, 3)
    for kind, form in (("shop", "gzip"), ("wide", "ndjson"), ("shopify", "ndjson")):
        for cores in (1, 2):
            add("duckdb", kind, small, form, cores, 3)
    for peer in ("polars", "chdb"):
        add(peer, "shop", small, "array", 2, 3)
        add(peer, "distinct", small, "ndjson", 2, 3)
    add("go-v1", "shop", small, "array", 1, 2)
    add("pyspark", "shop", small, "ndjson", 2, 2)
    # For the plots over the size of the input.
    for mb in sizes:
        for peer in ("duckdb", "polars", "chdb"):
            add(peer, "shop", mb, "ndjson", 2, 1)
        if mb <= small:
            add("pandas", "shop", mb, "ndjson", 2, 1)
    return plan


@dataclass(frozen=True)
class Alone:
    """A run of sluice alone, for its memory: a file, or a pipe whose other end
    is the generator, so that it needs no disk."""
    mb: int
    form: str
    piped: bool
    cores: int

    @property
    def key(self):
        return f"{self.mb} {self.form} {'pipe' if self.piped else 'file'} {self.cores}"


def alone(sizes, huge, huge_files):
    plan = []
    for mb in sizes + ([huge] if huge else []):
        for piped in (False, True):
            if mb == huge and not piped and not huge_files:
                continue
            plan += [Alone(mb, form, piped, cores) for form in ("ndjson", "array") for cores in (1, 2)]
    return plan
