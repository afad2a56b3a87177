"""Frames of one size as a movie: every frame once, in order, each for the same time.

PyAV encodes in this process: frames stay arrays, and no other program is started. The bytes of a movie follow from its
frames and settings, on one release of the libraries: encoders run with a fixed number of threads, on which their decisions
depend, and nothing writes a time or a version into the file.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.errors import MovieError
from martian_moments.infrastructure.durable import make_folder, remove_drafts, replacing
from martian_moments.media.extra import require_media

if TYPE_CHECKING:
    import numpy as np
    from av.container import OutputContainer
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

_ABANDONED_SECONDS: Final = 3_600.0
"""A draft that nobody has written to for so long is of a process that was killed: a frame takes less than a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    """How movies of one kind are made.

    Attributes:
        encoder: FFmpeg's name of it.
        container: FFmpeg's name of the file's format.
        suffix: of the file's name.
        options: of the encoder.
    """

    encoder: str
    container: str
    suffix: str
    options: Mapping[str, str]


CODECS: Final[Mapping[str, Codec]] = {
    # What every browser and phone plays. crf 18 shows no loss to the eye. It looks 20 frames ahead instead of 40: at
    # 1280 x 960 that is 100 MB less, and files are as large within 0.1 percent.
    "h264": Codec(
        encoder="libx264",
        container="mp4",
        suffix=".mp4",
        options={"crf": "18", "preset": "medium", "rc-lookahead": "20"},
    ),
    "vp9": Codec(
        encoder="libvpx-vp9",
        container="webm",
        suffix=".webm",
        options={"crf": "24", "b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"},
    ),
    "av1": Codec(encoder="libsvtav1", container="mp4", suffix=".mp4", options={"crf": "26", "preset": "8"}),
}
_THREADS: Final = 2
_KEYFRAME_EVERY: Final = 60
"""Frames from one that stands by itself to the next: where a player can jump to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movie:
    """A movie that was made.

    Attributes:
        path: the file.
        frames: how many it has.
        width_px: of every frame.
        height_px: of every frame.
        fps: frames a second.
        bytes: the size of the file.
        frame_sha256: of each frame's pixels as they were given (rows of red, green, blue), in order, as hexadecimal digits.
    """

    path: Path
    frames: int
    width_px: int
    height_px: int
    fps: Fraction
    bytes: int
    frame_sha256: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return float(self.frames / self.fps)


def encode(
    frames: Iterable[NDArray[np.uint8]],
    path: Path,
    *,
    fps: float | Fraction = 12,
    codec: str = "h264",
    size: tuple[int, int] | None = None,
    progress: Callable[[int], None] = lambda _: None,
    metadata: Mapping[str, str] | None = None,
) -> Movie:
    """Write a movie under its final name when it is whole, and nothing under that name before.

    Args:
        frames: height x width x 3 (red, green, blue), all of one size with even sides; taken one by one.
        path: of the file; its folder is made where it is missing. ``.mp4``, or ``.webm`` for VP9.
        fps: frames a second.
        codec: of ``CODECS``.
        size: width and height that every frame must have; by default those of the first.
        progress: told after each frame how many are encoded.
        metadata: written into the file, such as ``title`` and ``copyright``.

    Raises:
        MediaMissing: the extra ``media`` is not installed.
        MovieError: no frame, one of another size, an unknown codec, or the encoder refused.
        OSError: the file could not be written.
    """
    require_media()
    import av

    how = CODECS.get(codec)
    if how is None or path.suffix != how.suffix:
        offered = ", ".join(f"{name} ({each.suffix})" for name, each in CODECS.items())
        raise MovieError(f"{path.name} cannot be a movie in {codec}; there are {offered}")
    rate = Fraction(fps).limit_denominator(1_001)
    if rate <= 0:
        raise MovieError(f"{path.name}: {fps} frames a second; it has to be more than 0")
    make_folder(path.parent)
    remove_drafts(path, untouched_seconds=_ABANDONED_SECONDS)
    # The encoder of AV1 prints its settings otherwise, past every logger.
    os.environ.setdefault("SVT_LOG", "1")
    writer = _Writer(how, rate, size, progress)
    with replacing(path.absolute()) as draft:
        try:
            with av.open(str(draft), "w", format=how.container, options=_muxing(how)) as container:
                container.metadata.update(metadata or {})
                writer.write(container, frames)
        except av.FFmpegError as error:
            # Those of the file system (no room, no permission) are OSErrors as well, and stay what they are.
            if isinstance(error, OSError):
                raise
            raise MovieError(f"{path.name}: the encoder {how.encoder} refused: {error}") from error
    width, height = writer.size or (0, 0)
    return Movie(
        path=path,
        frames=len(writer.hashes),
        width_px=width,
        height_px=height,
        fps=rate,
        bytes=path.stat().st_size,
        frame_sha256=tuple(writer.hashes),
    )


def _muxing(how: Codec) -> dict[str, str]:
    # The index at the front: a browser plays before it has the whole file.
    return {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if how.container == "mp4" else {})


class _Writer:
    """Frames into one container: the stream is made for the first of them."""

    def __init__(self, how: Codec, rate: Fraction, size: tuple[int, int] | None, progress: Callable[[int], None]) -> None:
        self._how, self._rate, self._progress = how, rate, progress
        self.size = size
        self.hashes: list[str] = []

    def write(self, container: OutputContainer, frames: Iterable[NDArray[np.uint8]]) -> None:
        stream: VideoStream | None = None
        for pixels in frames:
            if stream is None:
                self.size = self.size or (pixels.shape[1], pixels.shape[0])
                stream = self._stream(container, *self.size)
            container.mux(stream.encode(self._frame(pixels)))
            self._progress(len(self.hashes))
        if stream is None:
            raise MovieError("a movie needs a frame, and there is none")
        container.mux(stream.encode(None))

    def _stream(self, container: OutputContainer, width: int, height: int) -> VideoStream:
        from av.video.reformatter import ColorRange, Colorspace

        if width % 2 or height % 2:
            raise MovieError(f"frames of {width} x {height} pixels: both sides have to be even")
        options = {**self._how.options, "g": str(_KEYFRAME_EVERY), "flags": "+bitexact"}
        stream: Any = container.add_stream(self._how.encoder, rate=self._rate, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.thread_count = _THREADS
        # Said in the file, because players guess by the number of rows, and guess otherwise.
        context = stream.codec_context
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries = context.color_trc = 1
        return stream  # type: ignore[no-any-return]

    def _frame(self, pixels: NDArray[np.uint8]) -> Any:
        import av
        import numpy as np

        if self.size is None or pixels.shape != (self.size[1], self.size[0], 3) or pixels.dtype != np.uint8:
            raise MovieError(
                f"frame {len(self.hashes) + 1} is {pixels.dtype} of {' x '.join(map(str, pixels.shape))}, not uint8 of"
                f" {self.size[1] if self.size else '?'} x {self.size[0] if self.size else '?'} x 3"
            )
        pixels = np.ascontiguousarray(pixels)
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p", dst_colorspace="ITU709")
        frame.pts, frame.time_base = len(self.hashes), 1 / self._rate
        self.hashes.append(hashlib.sha256(pixels.data).hexdigest())
        return frame
