"""A DuckDB file that cannot be read: how it differs from one that is only busy, and how it is set aside.

DuckDB has one class of error for a cut file and for a full disk, so what is wrong is read from its words. Every text here
was seen with DuckDB 1.5 by damaging a file in that way.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from martian_moments.domain.errors import WarehouseDamaged, WarehouseError
from martian_moments.infrastructure.aside import aside_name, remove_older

_DAMAGE: Final = re.compile(
    "not a valid DuckDB database file"  # empty, text, zeros, another program's file
    "|Corrupt (?:database|WAL) file"  # a checksum of a header, a block or the write-ahead log does not fit
    "|Could not read enough bytes"  # cut
    "|Failure while replaying WAL|WAL was created for|WAL does not match"  # another file's log
    "|database file with version number"  # of a newer release of DuckDB, or of one before 0.9
    "|Cannot open encrypted database"
    "|Failed to deserialize"
    "|Is a directory"
)

_OTHER_CAUSE: Final = re.compile(
    "Conflicting lock|No space left|Disk quota|Permission denied|Read-only file system|Input/output error"
    "|Too many open files|Out of Memory|Cannot allocate",
    re.IGNORECASE,
)
"""What passes or what a person sets right: the file may be whole, so it stays where it is, whatever else is said."""


def damage_in(path: Path, error: Exception) -> str:
    """What a DuckDB error says is wrong with the file itself; empty where it may be whole."""
    if path.exists() and not path.is_file():
        return "it is no file"
    text = str(error)
    return "" if _OTHER_CAUSE.search(text) or not _DAMAGE.search(text) else text.partition("\n")[0]


def set_aside(path: Path, reason: str) -> WarehouseDamaged:
    """Move a damaged file and its write-ahead log out of the way, and report it in one line. For the writer alone.

    What was set aside before is removed.

    Raises:
        WarehouseError: it cannot be moved.
    """
    kept = aside_name(path)
    log = Path(f"{path}.wal")
    try:
        # The file first: without its log it would be taken for an older state of itself, and believed.
        path.rename(kept)
        if log.exists():
            log.rename(f"{kept}.wal")
    except OSError as error:
        raise WarehouseError(
            f"{path} is damaged ({reason}) and cannot be moved aside ({error}); move it away: all of it returns from the "
            "lake"
        ) from error
    remove_older(path, kept)
    return WarehouseDamaged(f"{path} was damaged ({reason}); it is kept as {kept.name}, and all of it returns from the lake")
