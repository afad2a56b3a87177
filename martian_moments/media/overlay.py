"""Lines of text in a picture, legible on bright and on dark ground.

The font is DejaVu Sans as matplotlib brings it, read in place, with its licence beside it (LICENSE_DEJAVU in the same
folder: free to use and to distribute).
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.errors import MovieError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.ImageFont import FreeTypeFont

_DARKEST: Final = 0.35
"""What is left of the ground's brightness below the text: white on it has a contrast of 7 to 1 on any ground."""
_SMALLEST_FONT_PX: Final = 9
_LEADING: Final = 1.35
"""From line to line, in heights of the font."""


@cache
def _font_file(name: str) -> Path:
    found = find_spec("matplotlib")
    folders = [] if found is None else found.submodule_search_locations or []
    for folder in folders:
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / name
        if path.is_file():
            return path
    raise MovieError(
        f"the font {name} of matplotlib is not there; install matplotlib again, or make the movie without overlay"
    )


@cache
def font(size: int, *, bold: bool = False) -> FreeTypeFont:
    """DejaVu Sans, so many pixels high."""
    from PIL import ImageFont

    return ImageFont.truetype(str(_font_file("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")), size)


def draw(frame: NDArray[np.uint8], lines: tuple[str, ...], *, credit: str = "") -> None:
    """Write lines into the lower left corner of a frame, the first one larger, and the credit into the lower right one.

    Args:
        frame: height x width x 3, changed in place.
        lines: of any length; too long ones end in an ellipsis.
        credit: small; above the lines where it has no room beside them.
    """
    lines = tuple(line for line in lines if line.strip())
    if not lines and not credit:
        return
    import cv2
    import numpy as np

    height, width = frame.shape[:2]
    text, shade = _strip(width, height, lines, credit)
    strip = frame[height - len(text) :]
    dark = cv2.multiply(strip, shade, dtype=cv2.CV_8U)
    frame[height - len(text) :] = cv2.max(np.asarray(dark), text)


@lru_cache(maxsize=4)
def _strip(width: int, height: int, lines: tuple[str, ...], credit: str) -> tuple[Any, Any]:
    """The text, white on black, and by what the ground below it is multiplied: both rows x width x 3.

    Frames in a row often say the same.
    """
    import cv2
    import numpy as np

    text = text_block(width, lines, credit=credit, scale=min(width, height))[-height:]
    fade = min(len(text), height - len(text))
    ramp = np.full(fade + len(text), _DARKEST, np.float32)
    ramp[:fade] = 1 - (1 - _DARKEST) * np.sin(np.linspace(0, np.pi / 2, fade)) ** 2
    text = np.vstack([np.zeros((fade, width), np.uint8), text])
    # The ground goes away below the letters, so that their edges are smooth on it.
    shade = ramp[:, None] * (1 - text.astype(np.float32) / 255)
    return cv2.merge([text] * 3), cv2.merge([shade] * 3)


def text_block(width: int, lines: tuple[str, ...], *, credit: str, scale: int) -> NDArray[np.uint8]:
    """Lines and credit, white on black, and a margin below them: rows x width.

    Args:
        width: in pixels.
        lines: the first one is larger.
        credit: at the right of the last line, or below it where it has no room.
        scale: of what the fonts and margins are a part, in pixels.
    """
    import numpy as np
    from PIL import Image, ImageDraw

    margin = max(4, scale // 48)
    room = width - 2 * margin
    small = font(_size(scale / 56))
    rows = [_row(line, room, scale / (46 if index else 34), bold=index == 0) for index, line in enumerate(lines)]
    beside = not rows or rows[-1][1].getlength(rows[-1][0]) + small.getlength(credit) + margin < room
    if credit and not beside:
        rows.append(_row(credit, room, scale / 56, bold=False))
    leading = [round(face.size * _LEADING) for _, face in rows] or [round(small.size * _LEADING)]
    image = Image.new("L", (width, sum(leading) + margin), 0)
    pen = ImageDraw.Draw(image)
    down = 0
    for (line, face), step in zip(rows, leading, strict=False):
        pen.text((margin, down), line, fill=255, font=face)
        down += step
    if credit and beside:
        baseline = (rows[-1][1] if rows else small).getmetrics()[0] + (down - leading[-1] if rows else 0)
        pen.text((width - margin, baseline), credit, fill=225, font=small, anchor="rs")
    return np.asarray(image)


def _size(pixels: float) -> int:
    return max(_SMALLEST_FONT_PX, round(pixels))


def _row(line: str, room: int, size: float, *, bold: bool) -> tuple[str, FreeTypeFont]:
    """A line and the font in which it has room: smaller by at most a third, and then without its end."""
    largest = _size(size)
    for pixels in range(largest, max(_SMALLEST_FONT_PX, largest * 2 // 3) - 1, -1):
        face = font(pixels, bold=bold)
        if face.getlength(line) <= room:
            return line, face
    while line and face.getlength(line + "…") > room:
        line = line[:-1]
    return line.rstrip() + "…", face
