"""The generated Mars that a camera sees: ground with stones, hills, a sky with clouds and the Sun's glow.

Ground and clouds are two planes with endless textures, seen by the camera's own geometry: what is near passes faster than
what is far, the eyes of a pair differ, and tiles fit together. Everything is drawn in gray and in no more than 720 columns.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from martian_moments.replica.pointing import Sight

if TYPE_CHECKING:
    import numpy as np

_MOST_COLUMNS: Final = 720
_GRID: Final = 24
"""Pixels between two places for which light is computed; in between it changes evenly."""

_TEXTURE: Final = 1024
_FINE_M: Final = 0.012
_DUNES_M: Final = (0.1, 1.7)
"""Metres per texture element of the stones, and of the dunes near and far."""

_CLOUD_M: Final = 6.0
_CLOUD_HEIGHT_M: Final = 5000.0
_WIND_M_S: Final = (6.0, 4.0)
_HILLS: Final = 720
"""Points of the skyline, all the way round."""

_MEAN: Final = 128
_NEAREST_M: Final = 0.3


class View(NamedTuple):
    """What a picture shows.

    Attributes:
        looking: the eye and its direction, in the rover's frame.
        size: columns and rows.
        focal: pixels per radian.
        axis: column and row at which the optical axis meets the picture, shifts included.
        heading_deg: where the rover's nose points, clockwise from north.
        place: metres north and east at which the rover stands.
        hour: of the local day, 0 to 24.
        seconds: since any fixed moment; moves the clouds.
    """

    looking: Sight
    size: tuple[int, int]
    focal: float
    axis: tuple[float, float]
    heading_deg: float
    place: tuple[float, float]
    hour: float
    seconds: float


def draw(view: View) -> np.ndarray:
    """The picture in gray levels, as wide as asked or 720 columns."""
    import cv2
    import numpy as np

    share = min(1.0, _MOST_COLUMNS / view.size[0])
    size = round(view.size[0] * share), round(view.size[1] * share)
    rays = _rays(view, size[0] / view.size[0], size[1] / view.size[1])
    light = _light(view, rays, size)
    downward = rays[2, 1] * np.arange(size[1]) + rays[2, 2]  # of a row: cameras do not lean to the side
    ground = int(np.searchsorted(downward, 0)) if downward[-1] > 0 else size[1]
    picture = np.empty(size[::-1], np.float32)
    if ground > 0:
        picture[:ground] = _sky(view, rays, downward[:ground], size[0])
    if ground < size[1]:
        picture[ground:] = _ground(view, rays, downward, ground, size[0])
    _hills(picture, rays, ground)
    drawn: np.ndarray = cv2.add(picture, light, dtype=cv2.CV_8U)
    return drawn


def _rays(view: View, across: float, down: float) -> np.ndarray:
    """The matrix that turns (column, row, 1) of the drawn picture into a ray: north, east, down."""
    import numpy as np

    angle = math.radians(view.heading_deg)
    turn = np.array([[math.cos(angle), -math.sin(angle), 0], [math.sin(angle), math.cos(angle), 0], [0, 0, 1]])
    looking = view.looking
    right, below, axis = (turn @ np.array(vector) for vector in (looking.right, looking.down, looking.axis))
    column, row = view.axis
    origin = axis - right * (column / view.focal) - below * (row / view.focal)
    return np.stack([right / (view.focal * across), below / (view.focal * down), origin], axis=1)


def _light(view: View, rays: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What the Sun adds: it glows in the sky, and the ground is lighter away from it."""
    import cv2
    import numpy as np

    columns = np.linspace(0, size[0], size[0] // _GRID + 2)
    rows = np.linspace(0, size[1], size[1] // _GRID + 2)
    at = np.stack([*np.meshgrid(columns, rows), np.ones((len(rows), len(columns)))])
    directions = np.einsum("ij,jkl->ikl", rays, at)
    directions /= np.linalg.norm(directions, axis=0)
    towards = np.einsum("i,ikl->kl", _sun(view.hour), directions)
    sky = 55 * np.exp((towards - 1) * 18) + 14 * towards + 16 * (1 - np.abs(directions[2]))
    lit = np.where(directions[2] < 0, sky, -12 * towards)
    smooth: np.ndarray = cv2.resize(lit.astype(np.float32), size, interpolation=cv2.INTER_LINEAR)
    return smooth


def _sun(hour: float) -> np.ndarray:
    """The direction of the Sun at a local hour: up at 6 in the east, down at 18 in the west."""
    import numpy as np

    day = math.radians((hour - 6) * 15)
    east, up = math.cos(day), math.sin(day)
    return np.array([-0.3 * up, east, -up]) / math.hypot(0.3 * up, east, up)


def _sky(view: View, rays: np.ndarray, downward: np.ndarray, width: int) -> np.ndarray:
    import numpy as np

    moved = [speed * view.seconds for speed in _WIND_M_S]
    clouds = _Plane(_clouds(), _CLOUD_M, -_CLOUD_HEIGHT_M, moved).seen(rays, (width, len(downward)), 0)
    near = np.clip(-downward * 2.5, 0, 1)[:, None]
    return 100 + (clouds.astype(np.float32) - _MEAN) * near.astype(np.float32)


def _ground(view: View, rays: np.ndarray, downward: np.ndarray, first: int, width: int) -> np.ndarray:
    import numpy as np

    north, east = view.place
    height = max(_NEAREST_M, -view.looking.position[2])
    angle = math.radians(view.heading_deg)
    ahead, aside = view.looking.position[:2]
    stands = [
        north + ahead * math.cos(angle) - aside * math.sin(angle),
        east + ahead * math.sin(angle) + aside * math.cos(angle),
    ]
    rows = downward[first:]
    picture = np.full((len(rows), width), 96, np.float32)
    step = abs(float(rays[2, 1])) + 1e-9
    dunes = [(_dunes(), metres, 0.4, 15 * metres) for metres in _DUNES_M]
    layers = [(_stones(), _stone_metres(view.looking, height), 0.9, 0.0), *dunes]
    for texture, metres, contrast, nearest in layers:
        elements = height * step / rows**2 / metres  # of the texture, from one row to the next
        # Too far to be seen, or so near that all that is seen is a part of one dune.
        weight = contrast / (1 + (elements / 4) ** 2) / (1 + (rows * nearest / height) ** 2)
        begin = int(np.argmax(weight > contrast / 50))
        if begin < len(rows):
            seen = _Plane(texture, metres, height, stands).seen(rays, (width, len(rows) - begin), first + begin)
            picture[begin:] += (seen.astype(np.float32) - _MEAN) * weight[begin:, None].astype(np.float32)
    return picture


def _stone_metres(looking: Sight, height: float) -> float:
    """Metres per element of the stones' texture: less for a camera that sees finer, the same in all that it delivers."""
    optics = looking.optics
    steepest = looking.axis[2] + looking.down[2] * optics.size[1] / 2 / optics.pixels_per_radian
    finest = optics.size[0] / _MOST_COLUMNS / optics.pixels_per_radian * height / max(steepest, 1e-3)
    return min(_FINE_M, _FINE_M * height / 1.5, 0.7 * finest)


class _Plane(NamedTuple):
    """A level plane with a texture that repeats.

    Attributes:
        texture: what it shows.
        metres: on it, of one element of the texture.
        height: metres of the camera above it.
        stands: metres north and east of the camera on it.
    """

    texture: np.ndarray
    metres: float
    height: float
    stands: Sequence[float]

    def seen(self, rays: np.ndarray, size: tuple[int, int], first: int) -> np.ndarray:
        """The plane as it is seen by these rays, in so many columns and rows from this row on."""
        import cv2
        import numpy as np

        across = _TEXTURE * self.metres
        at = [(rays[side] * self.height + self.stands[side] % across * rays[2]) / self.metres for side in (0, 1)]
        matrix = np.stack([*at, rays[2]])
        matrix[:, 2] += matrix[:, 1] * first
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        found: np.ndarray = cv2.warpPerspective(self.texture, matrix, size, flags=how, borderMode=cv2.BORDER_WRAP)
        return found


def _hills(picture: np.ndarray, rays: np.ndarray, ground: int) -> None:
    """The skyline, in front of the sky."""
    import cv2
    import numpy as np

    height, width = picture.shape
    if not 0 < ground <= height + 200:
        return
    columns = np.linspace(0, width, 120)
    north, east, _ = rays @ np.stack([columns, np.full(120, ground), np.ones(120)])
    azimuth = np.arctan2(east, north) * _HILLS / (2 * math.pi)
    tall = np.interp(azimuth % _HILLS, np.arange(_HILLS + 1), _skyline()) / math.hypot(*rays[:, 1])
    horizon = -(rays[2, 2] + rays[2, 0] * columns) / rays[2, 1] if rays[2, 1] > 0 else np.full(120, ground)
    top = np.stack([columns, horizon - tall], axis=1)
    outline = np.concatenate([top, [[width, horizon[-1]], [0, horizon[0]]]])
    cv2.fillPoly(picture, [np.round(outline * 16).astype(np.int32)], 88.0, cv2.LINE_8, 4)


@cache
def _skyline() -> np.ndarray:
    """How high the hills are, in radians, round the horizon and back to its begin."""
    import numpy as np

    draw = np.random.default_rng(5)
    at = np.arange(_HILLS) * 2 * math.pi / _HILLS
    waves = range(1, 60)
    high = np.sum([np.sin(at * wave + draw.uniform(0, 6.3)) * draw.uniform(0.3, 1) / wave for wave in waves], axis=0)
    high = 0.012 + 0.018 * (high - high.min())
    return np.append(high, high[0])


def _noise(seed: int, power: float, spread: float) -> np.ndarray:
    """A texture that repeats: noise whose large shapes are stronger by a power of their size."""
    import numpy as np

    draw = np.random.default_rng(seed)
    white = np.fft.rfft2(draw.standard_normal((_TEXTURE, _TEXTURE)))
    waves = np.hypot(np.fft.fftfreq(_TEXTURE)[:, None], np.fft.rfftfreq(_TEXTURE)[None])
    waves[0, 0] = np.inf
    made = np.fft.irfft2(white * np.clip(waves, 5 / _TEXTURE, 0.25) ** -power, (_TEXTURE, _TEXTURE))
    levels: np.ndarray = np.clip(_MEAN + spread * (made - made.mean()) / made.std(), 0, 255).astype(np.uint8)
    return levels


@cache
def _stones() -> np.ndarray:
    """Sand and stones; each stone has a light and a dark side."""
    import cv2
    import numpy as np

    texture = _noise(1, 0.7, 16)
    draw = np.random.default_rng(2)
    for _ in range(900):
        column, row = draw.integers(0, _TEXTURE, 2)
        size = int(3 + 26 * draw.random() ** 4)
        tone, tilt = int(draw.integers(70, 165)), int(draw.integers(0, 180))
        for across in (-_TEXTURE, 0, _TEXTURE):
            for down in (-_TEXTURE, 0, _TEXTURE):
                middle = int(column + across), int(row + down)
                if not all(-40 < place < _TEXTURE + 40 for place in middle):  # noqa: PLR2004 - larger than a stone
                    continue
                shadow = middle[0] + size // 3, middle[1] + size // 3
                cv2.ellipse(texture, shadow, (size, max(2, size * 2 // 3)), tilt, 0, 360, 35, -1, cv2.LINE_AA)
                cv2.ellipse(texture, middle, (size, max(2, size * 2 // 3)), tilt, 0, 360, tone, -1, cv2.LINE_AA)
    return texture


@cache
def _dunes() -> np.ndarray:
    return _noise(3, 1.3, 26)


@cache
def _clouds() -> np.ndarray:
    return _noise(4, 1.6, 14)
