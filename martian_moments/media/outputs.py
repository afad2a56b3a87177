"""What stands beside a movie: a poster, a small moving preview, and captions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from martian_moments.infrastructure.durable import make_folder, replacing
from martian_moments.media.extra import require_media
from martian_moments.media.inspecting import length_of, opened_movie

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PREVIEW_FRAMES: Final = 24
_PREVIEW_WIDTH_PX: Final = 320
_PREVIEW_MILLISECONDS: Final = 150


def write_jpeg(pixels: NDArray[np.uint8], path: Path, *, quality: int = 90) -> None:
    """Write height x width x 3 (red, green, blue) as a JPEG, whole or not at all. Raises OSError."""
    require_media()
    from PIL import Image

    with _draft(path) as draft:
        Image.fromarray(pixels).save(draft, "JPEG", quality=quality, subsampling=0, optimize=True)


def poster(movie: Path, path: Path) -> None:
    """Write the frame in the middle of a movie as a JPEG.

    Raises:
        MovieError: the movie cannot be read.
        OSError: a file cannot be read or written.
    """
    [pixels] = _frames(movie, 1)
    write_jpeg(pixels, path)


def preview(movie: Path, path: Path) -> None:
    """Write at most 24 frames of a movie, 320 pixels wide, as one animated WebP that plays for ever.

    Raises:
        MovieError: the movie cannot be read.
        OSError: a file cannot be read or written.
    """
    require_media()
    from PIL import Image

    small: list[Image.Image] = []
    for pixels in _frames(movie, _PREVIEW_FRAMES):
        image = Image.fromarray(pixels)
        width = min(_PREVIEW_WIDTH_PX, image.width)
        small.append(image.resize((width, max(1, round(image.height * width / image.width))), Image.Resampling.LANCZOS))
    with _draft(path) as draft:
        small[0].save(
            draft,
            "WEBP",
            save_all=True,
            append_images=small[1:],
            duration=_PREVIEW_MILLISECONDS,
            loop=0,
            quality=60,
            method=4,
        )


def captions(texts: Iterable[Sequence[str]], path: Path, *, fps: Fraction) -> None:
    """Write the lines of every frame, in order, as WebVTT: frames with the same lines in a row are one cue.

    Raises:
        OSError: the file cannot be written.
    """
    cues: list[tuple[int, int, tuple[str, ...]]] = []
    for number, lines in enumerate(texts):
        if cues and cues[-1][2] == tuple(lines):
            cues[-1] = (cues[-1][0], number + 1, tuple(lines))
        else:
            cues.append((number, number + 1, tuple(lines)))
    blocks = ["WEBVTT"]
    for first, end, lines in cues:
        # An empty line would end the cue.
        text = "\n".join(escape(" ".join(line.split()), quote=False) for line in lines if line.strip())
        if text:
            blocks.append(f"{_timestamp(first / fps)} --> {_timestamp(end / fps)}\n{text}")
    with _draft(path) as draft:
        draft.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")


def _timestamp(seconds: Fraction) -> str:
    milliseconds = round(seconds * 1_000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1_000:02}.{rest % 1_000:03}"


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    make_folder(path.parent)
    with replacing(path) as draft:
        yield draft


def _frames(movie: Path, count: int) -> Iterator[NDArray[np.uint8]]:
    """At most so many frames of a movie, evenly over its length: each is the middle one of its part."""
    with opened_movie(movie) as (container, stream):
        rate = Fraction(stream.average_rate)
        total = stream.frames or round(length_of(container) * rate)
        parts = min(count, total)
        for part in range(parts):
            wanted = (2 * part + 1) * total // (2 * parts)
            container.seek(int(wanted / rate / stream.time_base), stream=stream)
            yield next(
                frame.to_ndarray(format="rgb24")
                for frame in container.decode(stream)
                if round(frame.pts * stream.time_base * rate) >= wanted
            )
