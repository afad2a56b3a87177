"""Pictures as frames of a movie: of one size and one brightness, in colour, held still, with their captions.

Frames come out one by one. As many are held as the running brightness has to look ahead, however long the movie is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from martian_moments.media.brightness import MEAN_RADIUS, MEDIAN_RADIUS, RunningBrightness, gain_to, mean_of, shares_of
from martian_moments.media.developing import cropped, interpolated, levels_of, shown
from martian_moments.media.extra import require_media
from martian_moments.media.frames import FrameInput, PrepareOptions, has_colours
from martian_moments.media.overlay import draw
from martian_moments.media.profiles import CameraProfile, kind_profile
from martian_moments.media.sensor import Sensor, learn_sensor, without_hot_pixels
from martian_moments.media.steadying import Steadying

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from martian_moments.media.frames import Pixels

_HELD_BYTES: Final = 120_000_000
"""Of frames that wait for their brightness: 22 of 1280 x 1280 pixels in colour. Larger ones look less far ahead."""
_FEWEST_AHEAD: Final = 4


def prepare(
    frames: Sequence[FrameInput],
    options: PrepareOptions | None = None,
    *,
    sensor: Sensor | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Iterator[NDArray[np.uint8]]:
    """The frames of a movie, one for each picture, in order: height x width x 3 (red, green, blue), all of one even size.

    Args:
        frames: the pictures, in the order of the movie.
        options: how it shall look.
        sensor: what the camera adds to its pictures; by default learned from these frames, at most 32 of which are then read
            twice.
        progress: told after each frame how many are prepared.

    Raises:
        MediaMissing: the extra ``media`` is not installed.
        PictureError: a picture cannot be used; the message names it.
    """
    require_media()
    options = options or PrepareOptions()
    if not frames:
        return
    preparation = _Preparation(options, learn_sensor(frames) if sensor is None else sensor)
    steadying = Steadying() if kind_profile(options.kind).steady else None
    for number, (waiting, target) in enumerate(preparation.brightened(frames), start=1):
        frame = waiting.shown(target)
        if steadying is not None:
            frame = steadying.steady(frame).copy()
        if not has_colours(frame):
            import cv2

            frame = cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB)
        if options.overlay:
            draw(frame, waiting.caption, credit=options.credit)
        yield frame
        progress(number)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A frame in its size, whose brightness is not decided.

    Attributes:
        pixels: as the camera sent them.
        levels: what each value is on a screen, 0 to 255 and more: one row of 256 for gray, three for colour.
        shares: how much each value counts for its brightness.
        caption: its lines.
    """

    pixels: Pixels
    levels: Any
    shares: Any
    caption: tuple[str, ...]

    def shown(self, target: float) -> Pixels:
        """The frame with this mean brightness."""
        return shown(self.pixels, self.levels * gain_to(target, self.shares, self.levels))


class _Preparation:
    """From pictures to frames, but for what depends on the frames around."""

    def __init__(self, options: PrepareOptions, sensor: Sensor) -> None:
        self._options, self._sensor = options, sensor
        self._flat_field = kind_profile(options.kind).flat_field
        self._size: tuple[int, int] | None = None
        self._light: Any = None

    def brightened(self, frames: Sequence[FrameInput]) -> Iterator[tuple[_Waiting, float]]:
        running: RunningBrightness[_Waiting] | None = None
        for frame in frames:
            waiting = self._waiting(frame)
            running = running or _running(waiting.pixels.nbytes)
            yield from running.add(waiting, mean_of(waiting.shares, waiting.levels))
        if running is not None:
            yield from running.end()

    def _waiting(self, frame: FrameInput) -> _Waiting:
        profile = frame.profile
        pixels = frame.pixels()
        mosaic = frame.is_mosaic(pixels)
        if pixels.shape == (self._sensor.height_px, self._sensor.width_px):
            pixels = without_hot_pixels(pixels, self._sensor.hot_pixels, mosaic=mosaic)
        if mosaic:
            pixels = interpolated(pixels)
        pixels = self._flattened(pixels, profile)
        pixels = self._sized(cropped(pixels, profile))
        levels = levels_of(profile, colours=3 if has_colours(pixels) else 1)
        return _Waiting(pixels, levels, shares_of(pixels), frame.caption)

    def _flattened(self, pixels: Pixels, profile: CameraProfile) -> Pixels:
        """Without the falling light of the lens."""
        if not (self._flat_field and profile.flat_field):
            return pixels
        import cv2

        if self._light is None or self._light.shape != pixels.shape:
            share = self._sensor.light(pixels.shape[1], pixels.shape[0])
            if share is None:
                return pixels
            self._light = cv2.merge([1 / share] * 3) if has_colours(pixels) else 1 / share
        return cv2.multiply(pixels, self._light, dtype=cv2.CV_8U)

    def _sized(self, pixels: Pixels) -> Pixels:
        """In the size of the movie, which the first frame decides; another shape gets black bars."""
        import cv2
        import numpy as np

        height, width = pixels.shape[:2]
        if self._size is None:
            scale = min(1.0, self._options.size / max(width, height))
            self._size = _even(width * scale), _even(height * scale)
        whole_width, whole_height = self._size
        scale = min(whole_width / width, whole_height / height)
        # Up to two columns or rows are the rounding to even sides.
        fitted = _near(width * scale, whole_width), _near(height * scale, whole_height)
        if fitted != (width, height):
            pixels = cv2.resize(pixels, fitted, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
        if fitted == self._size:
            return pixels
        canvas = np.zeros((whole_height, whole_width, *pixels.shape[2:]), np.uint8)
        left, top = (whole_width - fitted[0]) // 2, (whole_height - fitted[1]) // 2
        canvas[top : top + fitted[1], left : left + fitted[0]] = pixels
        return canvas


def _running(frame_bytes: int) -> RunningBrightness[_Waiting]:
    whole = MEDIAN_RADIUS + MEAN_RADIUS
    ahead = max(_FEWEST_AHEAD, min(whole, _HELD_BYTES // frame_bytes))
    median = ahead * MEDIAN_RADIUS // whole
    return RunningBrightness(median_radius=median, mean_radius=ahead - median)


def _even(side: float) -> int:
    return max(2, int(side) // 2 * 2)


def _near(side: float, whole: int) -> int:
    return whole if abs(side - whole) <= 2 else max(1, round(side))  # noqa: PLR2004 - said where it is called
