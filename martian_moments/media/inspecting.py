"""A movie looked at again, frame by frame, as a player decodes it."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.errors import MovieError
from martian_moments.media.extra import require_media

if TYPE_CHECKING:
    from av.container import InputContainer

_INLINE_WIDTH_PX: Final = 640


@dataclass(frozen=True, slots=True)
class Inspected:
    """What a movie has.

    Attributes:
        frames: how many are decoded.
        sizes: every width and height that a frame has.
        seconds: how long it plays, by the file itself.
        darkest: mean brightness of its darkest frame, 0 to 255.
    """

    frames: int
    sizes: frozenset[tuple[int, int]]
    seconds: float
    darkest: float


def inspect(movie: Path) -> Inspected:
    """Decode a whole movie; one frame is held at a time.

    Raises:
        MediaMissing: the extra ``media`` is not installed.
        MovieError: it cannot be read.
    """
    frames, sizes, darkest = 0, set(), 255.0
    with opened_movie(movie) as (container, stream):
        for frame in container.decode(stream):
            frames += 1
            sizes.add((frame.width, frame.height))
            darkest = min(darkest, float(frame.to_ndarray(format="gray").mean()))
        seconds = float(length_of(container))
    return Inspected(frames, frozenset(sizes), seconds, darkest)


@contextmanager
def opened_movie(movie: Path) -> Iterator[tuple[InputContainer, Any]]:
    """A movie and its pictures' stream. Raises as :func:`inspect`, also for what is read of it."""
    require_media()
    import av

    try:
        with av.open(str(movie.absolute())) as container:
            stream: Any = container.streams.video[0]
            stream.thread_type = "AUTO"
            yield container, stream
    except (av.FFmpegError, IndexError, StopIteration) as error:
        raise MovieError(f"{movie.name} cannot be read as a movie: {error}") from error


def length_of(container: InputContainer) -> Fraction:
    """How long a movie plays, in seconds, by the file itself."""
    import av

    return Fraction(container.duration or 0, av.time_base)


def inline(poster: Path) -> str:
    """A poster small enough for an asset's page: a JPEG in Base64."""
    require_media()
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(poster) as image:
        image.thumbnail((_INLINE_WIDTH_PX, _INLINE_WIDTH_PX))
        image.convert("RGB").save(buffer, "JPEG", quality=80, optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
