"""A log of requests that a deployment of a user's own has served."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from gpusim.errors import TraceError, reason


def read_log(path: Path) -> pd.DataFrame:
    """Rows of a CSV or Parquet file, whatever its columns.

    Raises
    ------
    TraceError
        If the file cannot be read as one of these.
    """
    try:
        return pd.read_parquet(path) if path.suffix.lower() == ".parquet" else pd.read_csv(path)
    except OSError as error:
        raise TraceError(f"{path}: {reason(error)}; give a CSV or Parquet file") from None
    except (ValueError, pd.errors.ParserError) as error:  # of pyarrow too
        first = str(error).splitlines()[0]
        raise TraceError(f"{path}: no table that can be read ({first}); give a CSV or Parquet file") from None
