"""What a sensor knows between two ticks: a model of its own, kept as JSON where Dagster keeps cursors.

A release reads the cursors of the releases before it: a field that an older one lacks has a default, and a field that a
newer one has added is passed over. What cannot be read starts again, which costs work and loses nothing: topics are read
from their beginning, where run keys show what was asked for before, and gaps and differences are found anew.
"""

import logging
from collections.abc import Callable
from typing import Self

from pydantic import BaseModel, ValidationError

_log = logging.getLogger(__name__)


class Cursor(BaseModel):
    """The base of the sensors' cursors."""

    @classmethod
    def read(
        cls, text: str | None, *, first: Callable[[], Self] | None = None, warn: Callable[[str], None] = _log.warning
    ) -> Self:
        """The cursor that was written as this text.

        Args:
            text: as Dagster keeps it; None or empty before the first tick.
            first: makes the cursor of a sensor that knows nothing yet; by default one with the defaults of its fields.
            warn: called with the reason why a text cannot be read. The sensor starts again then.
        """
        if text:
            try:
                return cls.model_validate_json(text)
            except ValidationError as error:
                found = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(map(str, found["loc"])) or "the text"
                warn(f"A {cls.__name__} cannot be read and starts again ({where}: {found['msg']})")
        return first() if first else cls()

    def write(self) -> str:
        """The cursor as text."""
        return self.model_dump_json()
