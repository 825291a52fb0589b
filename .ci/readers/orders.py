"""Random orders in random clothes: the same records as an array, wrapped, as
NDJSON, concatenated; compressed or not; with any order of keys, white space
and escapes. What is generated is a function of the seed alone."""

import gzip
import json
import string

import zstandard

from conversion import Column, Mapping, Number

TEXTS = ["", " ", "John Doe", "Zoë Müller", "李雷", "🛒🧾", "a\tb\nc\r", 'q"uote\\', "/slash/", "\u0000\u001f", "\u2028\u2029",
         "e\u0301 and \u00e9", "\ufeffmark", "'; DROP TABLE x;--", "=1+1", "NULL", "null", "0.10", "\U0010ffff", "x" * 300]

ORDERS = Mapping("order_lines", "products.*", [
    Column("order_id", "order_id", "string", ", from: [string, integer], required: true, bloom: true"),
    Column("order_date", "order_date", "timestamp", ", required: true"),
    Column("customer_id", "customer.customer_id", "string", ", from: [string, integer], required: true"),
    Column("customer_name", "customer.name", "string"),
    Column("customer_email", "customer.email", "string"),
    Column("customer_address", "customer.address", "string"),
    Column("product_id", "products.*.product_id", "string", ", from: [string, integer], required: true"),
    Column("product_category", "products.*.category", "string"),
    Column("product_name", "products.*.name", "string"),
    Column("product_price", "products.*.price", "decimal(18,4)", ", required: true"),
    Column("product_quantity", "products.*.quantity", "int64", ", required: true"),
    Column("total_amount", "total_amount", "decimal(18,4)"),
])


def identity(r):
    n = r.choice([r.randrange(10**4), r.randrange(10**17), 9007199254740993])
    return r.choice([Number(n), f"P{n:05}", str(n)])


def text(r):
    if r.random() < 0.5:
        return r.choice(TEXTS)
    return "".join(chr(r.choice([r.randrange(32, 127), r.randrange(0xa0, 0xd800), r.randrange(0xe000, 0x110000)]))
                   for _ in range(r.randrange(12)))


def money(r, digits=14):
    """A number of at most four decimals, in one of its many spellings."""
    n = r.randrange(-10**r.randrange(1, digits + 5), 10**r.randrange(1, digits + 5))
    sign, n = "-" if n < 0 else "", abs(n)
    plain = f"{sign}{n // 10000}.{n % 10000:04}"
    spellings = [plain, plain + "000", f"{sign}{n}e-4", f"{sign}{n}E-04", f"{sign}{n // 10000}.{n % 10000:04}e+0"]
    if n % 10000 == 0:
        spellings += [f"{sign}{n // 10000}", f"{sign}{n // 10000}.0"]
    s = r.choice(spellings)
    return r.choice([Number(s), s])


def count(r):
    n = r.randrange(-5, 1000)
    s = r.choice([f"{n}", f"{n}", f"{n}.0", f"{n}e0", f"{10 * n}e-1"])
    return r.choice([Number(s), s])


def date(r):
    day = f"{r.randrange(1, 10000):04}-{r.randrange(1, 13):02}-{r.randrange(2, 28):02}"
    time = f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}"
    fraction = r.choice(["", "", ".5", ".123", ".123456", ".000001", ".999999000"])
    zone = r.choice(["", "Z", "Z", "+01:00", "-05:00", "+0530", "-11"])
    return r.choice([day, f"{day}T{time}{fraction}{zone}", f"{day} {time}{fraction}{zone}"])


def maybe(r, o, key, make):
    """Sets a key that need not be there: a value, null, or nothing."""
    if r.random() < 0.8:
        o[key] = make(r)
    elif r.random() < 0.5:
        o[key] = None


def noise(r, depth=0):
    """A value nobody asked for."""
    kind = r.randrange(6 if depth < 3 else 4)
    if kind == 4:
        return [noise(r, depth + 1) for _ in range(r.randrange(3))]
    if kind == 5:
        return {f"k{i}": noise(r, depth + 1) for i in range(r.randrange(3))}
    return [text(r), Number("-1.5e+300"), r.choice([True, False]), None][kind]


def order(r):
    o = {"order_id": identity(r), "order_date": date(r), "customer": {"customer_id": identity(r)}, "products": []}
    for key in ("name", "email", "address"):
        maybe(r, o["customer"], key, text)
    maybe(r, o, "total_amount", money)
    for _ in range(r.choice([1, 1, 2, 3, 9])):
        p = {"product_id": identity(r), "price": money(r), "quantity": count(r)}
        maybe(r, p, "category", text)
        maybe(r, p, "name", text)
        o["products"].append(p)
    for target in (o, o["customer"], o["products"][0]):
        for _ in range(r.choice([0, 0, 1, 3])):
            target["x" + "".join(r.choices(string.ascii_letters, k=6))] = noise(r)
    return o


class Writer:
    """Writes JSON with random white space, escapes and order of keys."""

    def __init__(self, r, lines):
        self.r = r
        self.blanks = [" ", "\t"] if lines else [" ", "\t", "\n", "\r\n", "\r"]
        self.loose = r.choice([0, 0.1, 0.6])
        self.escape = r.choice([0, 0.05, 1])

    def space(self):
        s = ""
        while self.r.random() < self.loose:
            s += self.r.choice(self.blanks)
        return s

    def string(self, s):
        return '"' + "".join(map(self.character, s)) + '"'

    def character(self, c):
        short = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "/": "\\/"}
        if self.r.random() < self.escape or c < " " or c in '"\\':
            if c in short and self.r.random() < 0.5:
                return short[c]
            units = c.encode("utf-16-be")
            form = self.r.choice(["\\u{:04x}", "\\u{:04X}"])
            return "".join(form.format(int.from_bytes(units[i:i + 2], "big")) for i in range(0, len(units), 2))
        return c

    def value(self, v):
        s = self.space
        if isinstance(v, Number):
            return str(v)
        if isinstance(v, str):
            return self.string(v)
        if isinstance(v, list):
            return "[" + s() + (s() + "," + s()).join(map(self.value, v)) + s() + "]"
        if isinstance(v, dict):
            items = list(v.items())
            self.r.shuffle(items)
            return "{" + s() + (s() + "," + s()).join(
                self.string(k) + s() + ":" + s() + self.value(e) for k, e in items) + s() + "}"
        return json.dumps(v)


FORMS = ["array", "wrapped", "ndjson", "concatenated", "pretty"]
CODINGS = ["plain", "plain", "gzip", "members", "zstd", "bom"]


def document(r, orders, form, coding):
    """The bytes of a file of orders."""
    w = Writer(r, form == "ndjson")
    records = [w.value(o) for o in orders]
    s = w.space
    if form == "array":
        text = s() + "[" + s() + (s() + "," + s()).join(records) + s() + "]" + s()
    elif form == "wrapped":
        before, after = w.string("meta") + ":" + w.value(noise(r)), w.string("next") + ":" + w.value(noise(r))
        text = "{" + before + "," + w.string("orders") + s() + ":" + s() + "[" + ",".join(records) + "]" + s() + "," + after + "}"
    elif form == "ndjson":
        end = r.choice(["\n", "\r\n", "\n\n"])
        text = end.join(records) + r.choice(["", end])
    elif form == "concatenated":
        text = "".join(record + r.choice(["", " ", "\n"]) for record in records)
    else:
        text = json.dumps([json.loads(x, parse_float=raw, parse_int=raw) for x in records], indent=2, ensure_ascii=False)
        # json.dumps writes a marked number as a string: take the marks away.
        text = text.replace(f'"{MARK}', "").replace(f'{MARK}"', "")
    data = text.encode()
    if coding == "gzip":
        return gzip.compress(data)
    if coding == "members":
        cut = r.randrange(len(data) + 1)
        return gzip.compress(data[:cut]) + gzip.compress(data[cut:])
    if coding == "zstd":
        return zstandard.ZstdCompressor(level=r.choice([1, 3, 19]), write_checksum=r.random() < 0.5,
                                        write_content_size=r.random() < 0.5).compress(data)
    return b"\xef\xbb\xbf" + data if coding == "bom" else data


MARK = "\ue0fe#number#"


def raw(number):
    return MARK + number + MARK
