"""The metadata of a Parquet file, taken apart and put together anew: structures
of Thrift's compact protocol (spec, parquet.thrift) as dicts of field numbers."""

import struct

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)


class Struct(dict):
    """Field number: value. The types of the fields are kept, to write them again."""

    def __init__(self):
        self.types = {}

    def put(self, field, type, value):
        self.types[field] = type
        self[field] = value


class List(list):
    def __init__(self, type, values):
        super().__init__(values)
        self.type = type


class Reader:
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        n = shift = 0
        while True:
            b = self.byte()
            n |= (b & 0x7f) << shift
            if b < 0x80:
                return n
            shift += 7

    def zigzag(self):
        n = self.varint()
        return n >> 1 ^ -(n & 1)

    def bytes(self, n):
        self.at += n
        return self.data[self.at - n:self.at]

    def value(self, type):
        match type:
            case 1 | 2:
                return self.byte() == TRUE  # of a list; in a struct the type says it
            case 3:
                return self.byte()
            case 4 | 5 | 6:
                return self.zigzag()
            case 7:
                return struct.unpack("<d", self.bytes(8))[0]
            case 8:
                return self.bytes(self.varint())
            case 9 | 10:
                head = self.byte()
                size = head >> 4 if head >> 4 < 15 else self.varint()
                return List(head & 15, [self.value(head & 15) for _ in range(size)])
            case 12:
                return self.struct()
        raise ValueError(f"type {type} of Thrift")

    def struct(self):
        s, field = Struct(), 0
        while head := self.byte():
            field = field + (head >> 4) if head >> 4 else self.zigzag()
            type = head & 15
            s.put(field, type, type == TRUE if type in (TRUE, FALSE) else self.value(type))
        return s


def varint(n):
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7f | 0x80)
        n >>= 7
    return bytes(out + bytes([n]))


def zigzag(n):
    return varint(n << 1 ^ n >> 63)


def encode(value, type=STRUCT):
    match type:
        case 1 | 2:
            return bytes([TRUE if value else FALSE])
        case 3:
            return bytes([value])
        case 4 | 5 | 6:
            return zigzag(value)
        case 7:
            return struct.pack("<d", value)
        case 8:
            return varint(len(value)) + value
        case 9 | 10:
            head = bytes([len(value) << 4 | value.type]) if len(value) < 15 else bytes([15 << 4 | value.type]) + varint(len(value))
            return head + b"".join(encode(v, value.type) for v in value)
        case 12:
            out, last = b"", 0
            for field in sorted(value):
                of, v = value.types[field], value[field]
                if of in (TRUE, FALSE):
                    of = TRUE if v else FALSE
                head = bytes([field - last << 4 | of]) if field - last < 16 else bytes([of]) + zigzag(field)
                out += head + (b"" if of in (TRUE, FALSE) else encode(v, of))
                last = field
            return out + b"\0"
    raise ValueError(f"type {type} of Thrift")


class File:
    """A file whose footer can be changed. What else is changed is written anew
    before the footer, which then points there."""

    def __init__(self, path):
        self.data = path.read_bytes()
        size = struct.unpack("<I", self.data[-8:-4])[0]
        self.body = bytearray(self.data[:-8 - size])
        self.footer = Reader(self.data, len(self.data) - 8 - size).struct()

    def chunks(self, column):
        """The chunks of a column."""
        return [chunk for group in self.footer[4] for chunk in group[1] if chunk[3][3] == [column.encode()]]

    def append(self, data):
        self.body += data
        return len(self.body) - len(data)

    def column_index(self, chunk):
        return Reader(self.data, chunk[6]).struct()

    def set_column_index(self, chunk, index):
        data = encode(index)
        chunk[6], chunk[7] = self.append(data), len(data)

    def bloom(self, chunk):
        """The header of a bloom filter, and its bits."""
        reader = Reader(self.data, chunk[3][14])
        header = reader.struct()
        return header, self.data[reader.at:reader.at + header[1]]

    def set_bloom(self, chunk, header, bits):
        data = encode(header) + bits
        chunk[3][14], chunk[3][15] = self.append(data), len(data)

    def write(self, path):
        footer = encode(self.footer)
        path.write_bytes(self.body + footer + struct.pack("<I", len(footer)) + b"PAR1")
