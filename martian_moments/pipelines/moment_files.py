"""What the lake keeps of a moment, in its folder ``moments/<name>/``.

``frames.json`` says which pictures it is made of and why the others are left out, ``movie.json``, which is written last,
which movie was made of which frames, and beside them lie the movie, poster, preview, captions and credits
(pipelines/movies.py). Each file stands there whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from martian_moments.domain.errors import LakeError, ObjectMissing
from martian_moments.domain.moments import Moment
from martian_moments.lake.store import Lake
from martian_moments.media.choosing import Choice

FOLDER: Final = "moments/"
"""Where the lake keeps what is made of moments. Nothing of it is announced."""

FRAMES: Final = "frames.json"


def moment_key(name: str, file: str = "") -> str:
    """The key of a file of a moment; without a file that of its folder, which ends in a slash."""
    return f"{FOLDER}{name}/{file}"


def keep_frames(lake: Lake, choice: Choice) -> bool:
    """Write ``frames.json`` unless the lake holds the same; whether it was written."""
    key, document = moment_key(choice.moment.name, FRAMES), choice.document()
    try:
        if lake.get(key) == document:
            return False
    except ObjectMissing:
        pass
    lake.put_bytes(key, document)
    return True


@dataclass(frozen=True, slots=True)
class Chosen:
    """What ``frames.json`` of the lake says."""

    moment: Moment
    digest: str
    frames: Sequence[Mapping[str, Any]]


def kept_frames(lake: Lake, name: str) -> Chosen:
    """The frames that were chosen for a moment. Raises ObjectMissing, and LakeError for a file that nobody can read."""
    return read_frames(lake.get(moment_key(name, FRAMES)))


def read_frames(document: bytes) -> Chosen:
    """What a ``frames.json`` says. Raises LakeError for one that nobody can read."""
    try:
        found = json.loads(document)
        return Chosen(Moment.model_validate_json(json.dumps(found["moment"])), found["digest"], found["frames"])
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{FRAMES} of a moment cannot be read ({error}); materialize moments/frames again") from error
