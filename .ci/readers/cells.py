"""Tables of any reader, cell by cell against rows made in Python."""

import collections

import pyarrow
import pyarrow.compute

from engines.arrow import arrow_type, plain_type

counts = collections.Counter()


def expected(columns, rows):
    """A table of the rows, as comparable makes its columns."""
    arrays = []
    for k, c in enumerate(columns):
        cells = [row[k] for row in rows]
        arrays.append(comparable(c, pyarrow.chunked_array([pyarrow.array(cells, plain_type(c))])))
    return pyarrow.table(arrays, [c.name for c in columns])


def comparable(column, array):
    """Of one piece, moments as microseconds, doubles as their bits: -0.0 is not 0.0."""
    if column.kind == "list":
        return comparable_lists(column, array)
    if column.kind == "timestamp" and not pyarrow.types.is_int64(array.type):
        array = array.cast(arrow_type(column)).cast(pyarrow.int64())
    elif column.kind != "timestamp":
        array = array.cast(arrow_type(column))
    array = pyarrow.concat_arrays(array.chunks) if array.num_chunks else pyarrow.array([], array.type)
    return array.view(pyarrow.int64()) if column.kind == "double" else array


def comparable_lists(column, array):
    array = array.combine_chunks()
    lengths = pyarrow.compute.list_value_length(array)
    ends = pyarrow.compute.cumulative_sum(lengths.fill_null(0)).to_pylist()
    values = comparable(column.of, pyarrow.chunked_array([array.flatten()]))
    return pyarrow.ListArray.from_arrays(pyarrow.array([0, *ends], pyarrow.int32()), values, mask=lengths.is_null())


def compare(engine, file, want):
    """The reader sees the columns, and every cell of the rows."""
    where = f"{engine.name}, {file.path.name}"
    if hasattr(engine, "types"):
        types = [(c.name, engine.type(c)) for c in file.columns]
        assert engine.types(file) == types, f"{where}: columns\n{engine.types(file)}\nwant\n{types}"
    got = engine.cells(file)
    assert got.num_rows == want.num_rows, f"{where}: {got.num_rows} rows, want {want.num_rows}"
    # SQL promises no order, and some read row groups side by side; inside of one the rows stand as written.
    order = pyarrow.compute.sort_indices(got.column("n")) if "n" in got.column_names else None
    for c in file.columns:
        g, w = comparable(c, got.column(c.name)), want.column(c.name).combine_chunks()
        if c.kind == "list" and not getattr(engine, "null_lists", True):
            w = pyarrow.ListArray.from_arrays(w.offsets, w.values)
        g = g if order is None else g.take(order)
        if not g.equals(w):
            i = next(i for i, (a, b) in enumerate(zip(g, w)) if a.as_py() != b.as_py())
            raise AssertionError(f"{where}, row {i}, {c.name}: {g[i]!r}, want {w[i]!r}")
    counts[f"cells equal in {engine.name}"] += want.num_rows * want.num_columns
