"""What one picture is like: the numbers of ``silver.fact_images``, measured from its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from martian_moments.domain.errors import PictureDamaged
from martian_moments.media.decoding import decode
from martian_moments.media.extra import require_media

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# JPEG moves the value of a saturated or black pixel by some steps; the darkest sky of a night picture is above these.
SATURATED = 250
BLACK = 5
# A sender that has lost the end of a picture fills it with one value. Fewer rows than this are a border of the sensor.
FILLED_ROWS_SHARE = 0.02
TEXTURE = 8.0
_EXACT_PIXELS = 2**24


@dataclass(frozen=True)
class Quality:
    """The measurements of one picture. Values are of its brightness (luma), 0 to 255.

    Attributes:
        width_px: columns.
        height_px: rows.
        mode: Pillow's word for what the file holds (``L`` gray, ``RGB``).
        mean: of all pixels.
        spread: standard deviation of all pixels.
        sharpness: variance of the Laplacian at half size, where a Bayer mosaic is no detail.
        saturated_share: share of pixels of 250 or more, 0 to 1.
        black_share: share of pixels of 5 or less, 0 to 1.
        perceptual_hash: 64 bits as 16 hexadecimal digits; pictures that look the same differ in few of them.
    """

    width_px: int
    height_px: int
    mode: str
    mean: float
    spread: float
    sharpness: float
    saturated_share: float
    black_share: float
    perceptual_hash: str


@contextmanager
def side_by_side() -> Iterator[None]:
    """Until the block ends OpenCV works in the thread that calls it: for those who measure in several threads.

    Threads of its own would save 0.2 ms of a picture's 4 ms, and take 0.7 ms of a processor that the next one waits for.
    It begins with the imports that the first picture would wait for (0.15 s).

    Raises:
        MediaMissing: the extra ``media`` is not installed.
    """
    require_media()
    import cv2
    from PIL import Image

    Image.preinit()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(threads)


def measure(body: bytes) -> Quality:
    """Decodes one picture, whole, and measures it.

    Raises:
        MediaMissing: the extra ``media`` is not installed.
        NotAPicture: the bytes are neither JPEG nor PNG.
        PictureDamaged: they do not decode to the end, or the picture's end is rows of filling.
        PictureRefused: the picture is larger than any camera's.
    """
    decoded = decode(body, luma=True)
    import cv2
    import numpy as np

    luma = decoded.pixels
    height, width = luma.shape
    filled = _filled_rows(luma)
    if filled > FILLED_ROWS_SHARE * height:
        raise PictureDamaged(f"the last {filled:,} of {height:,} rows are filling of one value")
    counts = _counts(luma)  # mean and spread follow from them exactly
    values = np.arange(256)
    pixels = luma.size
    mean = float(counts @ values / pixels)
    half = cv2.resize(luma, (max(width // 2, 1), max(height // 2, 1)), interpolation=cv2.INTER_AREA)
    laplacian = cv2.Laplacian(half, cv2.CV_16S)
    return Quality(
        width_px=width,
        height_px=height,
        mode=decoded.mode,
        mean=round(mean, 3),
        spread=round(float(np.sqrt(counts @ (values - mean) ** 2 / pixels)), 3),
        sharpness=round(float(cv2.meanStdDev(laplacian)[1][0, 0] ** 2), 3),
        saturated_share=round(float(counts[SATURATED:].sum() / pixels), 6),
        black_share=round(float(counts[: BLACK + 1].sum() / pixels), 6),
        perceptual_hash=_perceptual_hash(half),
    )


def _counts(luma: NDArray[np.uint8]) -> NDArray[np.int64]:
    """How many pixels have each of the 256 values.

    OpenCV counts in a third of the time of NumPy's bincount (0.4 ms of 1024 x 1024), in floats of 32 bits, which are exact
    up to 16 million pixels: block by block.
    """
    import cv2
    import numpy as np

    rows = _EXACT_PIXELS // luma.shape[1]
    blocks = (luma[first : first + rows] for first in range(0, len(luma), rows))
    counts = (cv2.calcHist([block], [0], None, [256], [0, 256]).ravel() for block in blocks)
    total: NDArray[np.int64] = np.sum([each.astype(np.int64) for each in counts], axis=0)
    return total


def _filled_rows(luma: NDArray[np.uint8]) -> int:
    """How many rows at the end have one value, which is neither black nor saturated, below rows that show something.

    A black frame, an overexposed one and an even sky are whole pictures: the row above has to have texture.
    """
    filling = int(luma[-1, 0])
    if not BLACK < filling < SATURATED or (luma[-1] != filling).any():
        return 0
    differing = (luma != filling).any(axis=1).nonzero()[0]
    if not differing.size or float(luma[: differing[-1] + 1][-16:].std(axis=1).max()) < TEXTURE:
        return 0
    return int(len(luma) - 1 - differing[-1])


def _perceptual_hash(luma: NDArray[Any]) -> str:
    """The signs of the 64 slowest waves of the picture at 32 x 32 pixels, against their median.

    The hash that is known as pHash (Zauner 2010, "Implementation and Benchmarking of Perceptual Image Hash Functions").
    """
    import cv2
    import numpy as np

    small = cv2.resize(luma, (32, 32), interpolation=cv2.INTER_AREA).astype(np.float32)
    waves = np.round(cv2.dct(small)[:8, :8], 3).ravel()
    bits = waves > np.median(waves[1:])
    return np.packbits(bits).tobytes().hex()
