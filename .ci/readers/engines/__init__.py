"""The readers. Each has a name and a version and answers of a File:

types(file)    name and type of each column, as it understands them; what it
               expects of a mapped column is type(column)
cells(file)    everything, as an Arrow table
select(file, predicates)
               the column n of the rows of each, by its own filters

able(column)   whether its filters can be right for a type at all (all, without
               it)
lists(file)    the rows of columns that are lists, of a reader without cells
null_lists     False, if a list that is NULL is empty to it"""

import collections

File = collections.namedtuple("File", "path columns")
