"""Statistics made wrong on purpose, each of a column in an otherwise good file:
who goes by one loses rows."""


def low_max(file, chunk):
    statistics = chunk[3][12]
    statistics[5] = statistics[6]


def high_min(file, chunk):
    statistics = chunk[3][12]
    statistics[6] = statistics[5]


def no_nulls(file, chunk):
    chunk[3][12][3] = 0


def all_nulls(file, chunk):
    chunk[3][12][3] = chunk[3][5]  # as many as there are values


def no_bits(file, chunk):
    header, bits = file.bloom(chunk)
    file.set_bloom(chunk, header, bytes(len(bits)))


def in_index(change):
    def fault(file, chunk):
        index = file.column_index(chunk)
        change(index)
        file.set_column_index(chunk, index)
    return fault


def low_page_max(index):
    index[3] = index[2]


def high_page_min(index):
    index[2] = index[3]


def ascending(index):
    assert index[4] == 0, "the pages must be in no order"
    index[4] = 1


def no_nulls_in_pages(index):
    index[5][:] = [0] * len(index[5])


def null_pages(index):
    index[1][:] = [True] * len(index[1])


FAULTS = {
    "max": low_max, "min": high_min, "null count 0": no_nulls, "null count of all": all_nulls, "bloom filter": no_bits,
    "page max": in_index(low_page_max), "page min": in_index(high_page_min), "page order": in_index(ascending),
    "page null count 0": in_index(no_nulls_in_pages), "null pages": in_index(null_pages),
}
