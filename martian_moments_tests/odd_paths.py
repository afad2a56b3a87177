"""Names of folders and files that a file system allows and programs stumble over."""

from __future__ import annotations

from typing import Final

from hypothesis import strategies as st

ODD: Final = "a #%41+&;'\"]{{b}}$HOME ~é火\n\\:@=,!"
"""Nearly all of it in one name: what means something in URLs, shells, SQL, patterns and Jinja."""

CHARACTERS: Final = "#?%&+;:@=,!'\"`$*~|<>()[]{}^\\ .-_aZ0é火\n\t\u202e"

names = st.text(CHARACTERS, min_size=1, max_size=20).filter(lambda name: name.strip(".") != "")
"""Names of files, and of folders in which neither DuckDB nor Dagster has a file."""

homes = names.filter(lambda name: not {"?", "*", "["} & set(name))
"""Names of folders in which they have: Dagster takes these three for a pattern."""
