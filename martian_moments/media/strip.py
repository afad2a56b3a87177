"""A strip of the horizon: which directions it has, and what pictures show in them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, Self

from martian_moments.domain.errors import MovieError
from martian_moments.media.developing import develop
from martian_moments.media.frames import FrameInput, has_colours
from martian_moments.media.overlay import font, text_block

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from martian_moments.media.frames import Pixels

STEEPEST_DEG: Final = 75.0
"""Towards the zenith a strip has nothing but stretched pixels."""
_EMPTY: Final = 40
_FEATHER: Final = 0.12
"""Share of a picture's half width over which it fades into its neighbour."""
_FULL_CIRCLE_DEG: Final = 360.0
_COARSE_WIDTH: Final = 512
_OVERLAPPING_PX: Final = 40
"""Of the coarse strip: what two pictures need in common before their brightness is compared."""
_NEARLY_BESIDE: Final = 1e-9
_LABEL_STEPS_DEG: Final = (1, 2, 5, 10, 15, 30, 45, 90)
_CARDINAL: Final = {0: "N", 90: "E", 180: "S", 270: "W"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedPicture:
    """A picture and where it looks: where its centre is, and how far it reaches from left to right and from top to bottom.

    Attributes:
        frame: the picture.
        azimuth_deg: from north, clockwise.
        elevation_deg: above the horizon.
        fov_h_deg: its width.
        fov_v_deg: its height.
    """

    frame: FrameInput
    azimuth_deg: float
    elevation_deg: float
    fov_h_deg: float
    fov_v_deg: float

    def on_it(self, azimuth: Any, elevation: Any) -> tuple[Any, Any]:
        """Where directions lie on the picture: -1 at its left and upper edge, 1 at the others; infinite behind the camera.

        Args:
            azimuth: from the picture's own azimuth, radians.
            elevation: radians.
        """
        import numpy as np

        tilt = math.radians(self.elevation_deg)
        right = np.cos(elevation) * np.sin(azimuth)
        level = np.cos(elevation) * np.cos(azimuth)
        ahead = level * math.cos(tilt) + np.sin(elevation) * math.sin(tilt)
        up = np.sin(elevation) * math.cos(tilt) - level * math.sin(tilt)
        across, down = math.radians(self.fov_h_deg / 2), math.radians(self.fov_v_deg / 2)
        if self.frame.profile.lens == "equidistant":
            side = np.hypot(right, up)
            share = np.arctan2(side, ahead) / np.maximum(side, _NEARLY_BESIDE)
            return right * share / across, -up * share / down
        seen = np.where(ahead > _NEARLY_BESIDE, ahead, np.nan)
        x, y = right / seen / math.tan(across), -up / seen / math.tan(down)
        return np.nan_to_num(x, nan=np.inf), np.nan_to_num(y, nan=np.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Directions as columns and rows.

    Attributes:
        first_azimuth: of the left edge, degrees from north.
        span: from the left to the right edge, degrees.
        lowest: elevation of the lower edge, degrees.
        highest: of the upper edge.
        scale: pixels a degree, across and down.
    """

    first_azimuth: float
    span: float
    lowest: float
    highest: float
    scale: float

    @property
    def width(self) -> int:
        """Columns."""
        return max(1, round(self.span * self.scale))

    @property
    def height(self) -> int:
        """Rows."""
        return max(1, round((self.highest - self.lowest) * self.scale))

    @classmethod
    def around(cls, pictures: Sequence[PlacedPicture], *, width: int) -> Self:
        """The smallest strip that has all pictures; not wider than so many pixels, and no finer than the first picture.

        Raises:
            MovieError: none reaches below 75 degrees.
            PictureError: the first picture cannot be used.
        """
        reaches = [reach for each in pictures if (reach := _reach(each)) is not None]
        if not reaches:
            raise MovieError(f"a panorama has directions below {STEEPEST_DEG:g} degrees, and these pictures look steeper")
        first, span = _arc([(left, right) for left, right, _, _ in reaches])
        finest = develop(pictures[0].frame).shape[1] / pictures[0].fov_h_deg
        return cls(
            first_azimuth=first,
            span=span,
            lowest=min(low for _, _, low, _ in reaches),
            highest=max(high for _, _, _, high in reaches),
            scale=min(finest, width / span),
        )

    def filled(self, pictures: Sequence[PlacedPicture]) -> tuple[NDArray[np.uint8], float]:
        """The strip with its pictures, height x width x 3, and the share of it that they cover."""
        import numpy as np

        gains = replace(self, scale=_COARSE_WIDTH / self.span)._gains(pictures)  # noqa: SLF001 - a strip as well
        total = np.zeros((self.height, self.width, 3), np.float32)
        weights = np.zeros((self.height, self.width), np.float32)
        for (columns, pixels, weight), gain in zip(self._placed(pictures), gains, strict=True):
            total[:, columns] += np.minimum(pixels * np.float32(gain), 255) * weight[..., None]
            weights[:, columns] += weight
        covered = weights > 0
        strip = np.full(total.shape, _EMPTY, np.uint8)
        strip[covered] = np.clip(total[covered] / weights[covered][:, None], 0, 255).round()
        return strip, float(covered.mean())

    def _placed(self, pictures: Sequence[PlacedPicture]) -> Iterator[tuple[Any, Any, Any]]:
        """Of each picture: its columns of the strip, its pixels there (rows x columns x 3), and how much they count."""
        import cv2
        import numpy as np

        elevation = np.radians(self.highest - (np.arange(self.height) + 0.5) / self.scale)[:, None]
        azimuths = self.first_azimuth + (np.arange(self.width) + 0.5) / self.scale
        for picture in pictures:
            away = (azimuths - picture.azimuth_deg + 180) % 360 - 180
            reach = _reach(picture)
            columns = np.flatnonzero(_within(away, picture, reach))
            x, y = picture.on_it(np.radians(away[columns])[None, :], elevation)
            pixels = _at_scale(develop(picture.frame), self.scale * picture.fov_h_deg)
            height, width = pixels.shape[:2]
            seen = cv2.remap(
                pixels,
                np.asarray(np.clip((x + 1) / 2 * width - 0.5, -2, width + 1), np.float32),
                np.asarray(np.clip((y + 1) / 2 * height - 0.5, -2, height + 1), np.float32),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            seen = seen if has_colours(seen) else cv2.merge([seen] * 3)
            edge = 1 - np.maximum(np.abs(x), np.abs(y))
            weight = np.where(edge >= 0, np.clip(edge / _FEATHER, 0.001, 1), 0)
            yield columns, seen.astype(np.float32), weight.astype(np.float32)

    def _gains(self, pictures: Sequence[PlacedPicture]) -> list[float]:
        """By what each picture is multiplied, so that neighbours agree where they overlap and all stay as they are."""
        import numpy as np

        seen = []
        for columns, pixels, weight in self._placed(pictures):
            brightness = np.full((self.height, self.width), np.nan, np.float32)
            brightness[:, columns] = np.where(weight > 0, np.log(pixels.mean(axis=2) + 1), np.nan)
            seen.append(brightness)
        rows, wanted = [], []
        for one, other in combinations(range(len(seen)), 2):
            difference = seen[other] - seen[one]
            both = np.isfinite(difference)
            if both.sum() >= _OVERLAPPING_PX:
                row = np.zeros(len(seen))
                row[one], row[other] = 1, -1
                rows.append(row)
                wanted.append(float(np.median(difference[both])))
        # Where nothing overlaps a picture stays as it is.
        rows += list(0.05 * np.eye(len(seen)))
        wanted += [0.0] * len(seen)
        gains = np.linalg.lstsq(np.array(rows), np.array(wanted), rcond=None)[0]
        return [float(gain) for gain in np.exp(np.clip(gains, -0.7, 0.7))]

    def labelled(self, pixels: NDArray[np.uint8], lines: tuple[str, ...], *, credit: str) -> NDArray[np.uint8]:
        """With the directions below it, and the lines and the credit below these."""
        import cv2
        import numpy as np
        from PIL import Image, ImageDraw

        scale = max(min(pixels.shape[:2]), pixels.shape[1] // 4)
        tall = max(14, scale // 24)
        labels = Image.new("L", (pixels.shape[1], tall), 0)
        pen = ImageDraw.Draw(labels)
        size = max(9, round(tall * 0.62))
        step = next((each for each in _LABEL_STEPS_DEG if each * self.scale > 5 * size), _LABEL_STEPS_DEG[-1])
        for degrees in range(
            math.ceil(self.first_azimuth / step) * step, math.floor(self.first_azimuth + self.span) + 1, step
        ):
            at = (degrees - self.first_azimuth) * self.scale
            name = _CARDINAL.get(degrees % 360)
            text, face = name or f"{degrees % 360}°", font(size, bold=name is not None)
            half = face.getlength(text) / 2
            pen.line([(at, 0), (at, tall // 6)], fill=200, width=max(1, size // 10))
            pen.text((min(max(at, half + 2), pixels.shape[1] - half - 2), tall - 2), text, fill=230, font=face, anchor="ms")
        below = [np.asarray(labels)]
        lines = tuple(line for line in lines if line.strip())
        if lines or credit:
            below += [
                np.zeros((tall // 3, pixels.shape[1]), np.uint8),
                text_block(pixels.shape[1], lines, credit=credit, scale=scale),
            ]
        return np.vstack([pixels, cv2.merge([np.vstack(below)] * 3)])


def _at_scale(pixels: Pixels, width: float) -> Pixels:
    """Made smaller where the strip has fewer pixels for it, so that nothing is skipped."""
    import cv2

    share = width / pixels.shape[1]
    if share >= 1:
        return pixels
    size = max(2, round(pixels.shape[1] * share)), max(2, round(pixels.shape[0] * share))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


_Reach = tuple[float, float, float, float]


def _reach(picture: PlacedPicture) -> _Reach | None:
    """Azimuths of the left and right edge, elevations of the lower and upper one; None where all of it is too steep.

    Looked up on a grid of directions of a quarter degree around the picture.
    """
    import numpy as np

    wide = math.hypot(picture.fov_h_deg, picture.fov_v_deg) / 2 + 1
    top = min(STEEPEST_DEG, picture.elevation_deg + wide)
    bottom = max(-STEEPEST_DEG, picture.elevation_deg - wide)
    if top <= bottom:
        return None
    elevation = np.arange(bottom, top + 0.125, 0.25)
    across = min(180.0, wide / math.cos(math.radians(STEEPEST_DEG)))
    azimuth = np.arange(-across, across + 0.125, 0.25)
    x, y = picture.on_it(np.radians(azimuth)[None, :], np.radians(elevation)[:, None])
    rows, columns = np.nonzero(np.maximum(np.abs(x), np.abs(y)) <= 1)
    if not rows.size:
        return None
    left, right = azimuth[columns.min()], azimuth[columns.max()]
    return (
        float(picture.azimuth_deg + left),
        float(picture.azimuth_deg + right),
        float(elevation[rows.min()]),
        float(min(elevation[rows.max()], STEEPEST_DEG)),
    )


def _within(away: Any, picture: PlacedPicture, reach: _Reach | None) -> Any:
    """Which of these azimuths, from the picture's own, can be on it."""
    if reach is None:
        return away != away  # noqa: PLR0124 - none of them
    return (away >= reach[0] - picture.azimuth_deg - 1) & (away <= reach[1] - picture.azimuth_deg + 1)


def _arc(intervals: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Where the shortest arc that has all intervals begins (0 to 360), and how long it is.

    The whole circle begins in the south: north is in its middle.
    """
    ordered = sorted((left % 360, right - left) for left, right in intervals)
    # The last ones may reach over north, to the first.
    reach = max(left + length for left, length in ordered) - 360
    gap, first = 0.0, 180.0
    for left, length in ordered:
        if left - reach > gap:
            gap, first = left - reach, left
        reach = max(reach, left + length)
    return first, _FULL_CIRCLE_DEG - gap
