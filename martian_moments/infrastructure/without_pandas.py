"""A process in which pandas is as if it were not installed: nothing here needs it, and libraries import it all the same.

DuckDB imports it with the first value of a statement, to see whether the value is a frame, and Arrow with the first moment
that becomes one of Python: 0.3 s of the processor and 80 MB in each process. Where it is not installed,
DuckDB looks for it in every folder of packages again with every statement, which doubles the time of the small ones.
"""

from __future__ import annotations

import sys
from importlib.abc import MetaPathFinder


def do_without_pandas() -> None:
    """From now on, and in the processes that this one forks. Only for a program's own start: it cannot be taken back."""
    if not any(isinstance(finder, _WithoutPandas) for finder in sys.meta_path):
        sys.meta_path.insert(0, _WithoutPandas())


class _WithoutPandas(MetaPathFinder):
    def find_spec(self, fullname: str, *_: object) -> None:
        """Raises ModuleNotFoundError for pandas; any other module is left to others."""
        if fullname == "pandas":
            raise ModuleNotFoundError("this program does without pandas", name=fullname)
