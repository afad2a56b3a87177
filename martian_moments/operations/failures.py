"""What a command says of an error, whoever raised it: one line without secrets, also where a library broke."""

from __future__ import annotations

import traceback
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from martian_moments.domain.errors import MartianError
from martian_moments.settings.environment import given_secrets


def described(error: Exception, home: Path) -> str:
    """An error in words for people.

    Args:
        error: ours and the operating system's say what to do; any other is a library's, whose traceback is set down under
            the home, without secrets.
        home: the embedded platform's folder.
    """
    redaction = given_secrets()
    if isinstance(error, (MartianError, OSError)):
        return redaction(str(error))
    log = home / "logs" / "errors.log"
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    # A disk that is full or read-only takes the details, not the line.
    with suppress(OSError):
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8", errors="replace") as file:
            file.write(f"{moment}\n{redaction.pieces(''.join(traceback.format_exception(error)))}\n")
    return f"{redaction.line(error)}; the traceback is in {log}"
