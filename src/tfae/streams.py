"""Rows that do not fit into memory, read in batches from files or any other source.

Pass the streams that these functions return to ``fit``, ``partial_fit``, ``transform`` and other
methods in place of an array. Batches are arrays or data frames of shape (n, n_features).
"""

from tfae._data.files import from_batches, from_dataset, read_csv, read_parquet
from tfae._data.streams import Stream

__all__ = ["Stream", "from_batches", "from_dataset", "read_csv", "read_parquet"]
