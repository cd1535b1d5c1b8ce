"""Rows that do not fit into memory: read in batches, from files or from wherever they come.

What the functions here return is given to ``fit``, ``partial_fit``, ``transform`` and the others
in place of an array. Batches are arrays or data frames of shape (n, n_features).
"""

from tfae._data.files import from_batches, from_dataset, read_csv, read_parquet
from tfae._data.streams import Stream

__all__ = ["Stream", "from_batches", "from_dataset", "read_csv", "read_parquet"]
