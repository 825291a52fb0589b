"""delta-rs: convert_to_deltalake takes the statistics of our footer into the
log, and a query leaves out files by them."""

import shutil
import tempfile

import deltalake
import pyarrow

from engines.fusion import literal
from predicates import sql


class Delta:
    name, version = "delta-rs", deltalake.__version__

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()

    def close(self):
        self.folder.cleanup()

    def able(self, column):
        """Its log has the bounds of decimals as doubles, whoever wrote the file."""
        return column.kind != "decimal" or column.precision <= 15

    def query(self, file):
        folder = tempfile.mkdtemp(dir=self.folder.name)
        shutil.copy(file.path, folder)
        deltalake.convert_to_deltalake(folder)
        return deltalake.QueryBuilder().register("file", deltalake.DeltaTable(folder))

    def cells(self, file):
        return pyarrow.table(self.query(file).execute("SELECT * FROM file").read_all())

    def select(self, file, predicates):
        query = self.query(file)
        for p in predicates:
            yield pyarrow.table(query.execute(f"SELECT n FROM file WHERE {sql(p, literal)}").read_all()).column(0).to_pylist()
