"""From the frames of a moment to its movie, in the lake or as a file.

Each file of a moment stands in the lake whole or not at all; movie.json, which is written last, says what they are made of.
Whoever is killed leaves the files of before or of now; the next one makes them again, of the same frames the same.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from martian_moments.domain.errors import LakeError, MovieError, ObjectMissing
from martian_moments.domain.moments import Moment, MomentKind
from martian_moments.domain.rovers import ROVERS, MarsTime
from martian_moments.lake.store import Lake
from martian_moments.pipelines.moment_files import FRAMES, Chosen, kept_frames, moment_key

MOVIE: Final = "movie.json"
POSTER: Final = "poster.jpg"
PREVIEW: Final = "preview.webp"
CAPTIONS: Final = "captions.vtt"
CREDITS: Final = "credits.txt"
_TEXTS: Final = (CAPTIONS, CREDITS, "sensor.json")

FEWEST_FRAMES: Final = 2
"""One picture is no movie."""

_CREDIT: Final = "NASA/JPL-Caltech"
_CREDIT_OF_MALIN: Final = "NASA/JPL-Caltech/MSSS"
_MALINS_CAMERAS: Final = frozenset({"MAST", "MAHLI", "MARDI"})
"""Curiosity's, of Malin Space Science Systems, where the source names nobody."""

_POLICY: Final = "https://www.jpl.nasa.gov/jpl-image-use-policy"


Report = Callable[[str, int, int], None]
"""Is told how far a step is (``download``, ``prepare`` or ``encode``): what is done, and of how many."""


def _silent(step: str, done: int, total: int) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Made:
    """A movie in the lake.

    Attributes:
        digest: of what it was made of, as frames.json has it.
        movie: the name of the movie's file, or of the still's.
        frames: how many it has, or the still is made of.
        width_px: of each, as ``height_px``.
        fps: frames a second.
        frame_sha256: of each frame's pixels before they were encoded, or of the still's.
        files: the size in bytes and the SHA-256 of every file, by name.
    """

    digest: str
    movie: str
    frames: int
    width_px: int
    height_px: int
    fps: int
    frame_sha256: tuple[str, ...]
    files: Mapping[str, tuple[int, str]]

    @property
    def is_still(self) -> bool:
        """Whether it is one picture, and no movie."""
        return self.movie.endswith(".jpg")

    @property
    def seconds(self) -> float:
        """How long it plays; a still for 0 s."""
        return 0.0 if self.is_still else self.frames / self.fps

    def document(self) -> bytes:
        """``movie.json``."""
        files = {name: {"bytes": size, "sha256": sha256} for name, (size, sha256) in self.files.items()}
        found = {name: getattr(self, name) for name in ("digest", "movie", "frames", "width_px", "height_px", "fps")}
        shown = {"schema": 1, **found, "seconds": self.seconds, "files": files, "frame_sha256": list(self.frame_sha256)}
        return (json.dumps(shown, indent=1) + "\n").encode()


def made(lake: Lake, name: str) -> Made | None:
    """The movie of a moment, or None where there is none, or not all of its files."""
    try:
        found = json.loads(lake.get(moment_key(name, MOVIE)))
        files = {file: (each["bytes"], each["sha256"]) for file, each in found.pop("files").items()}
        found["frame_sha256"] = tuple(found["frame_sha256"])
        movie = Made(**{key: found[key] for key in Made.__annotations__ if key != "files"}, files=files)
    except (ObjectMissing, ValueError, KeyError, TypeError, AttributeError):
        return None
    held = {each.key: each.size for each in lake.list(moment_key(name))}
    return movie if all(held.get(moment_key(name, file)) == size for file, (size, _) in files.items()) else None


def make(lake: Lake, name: str, scratch: Path, *, anew: bool = False, report: Report = _silent) -> tuple[Made, bool]:
    """Make the movie of the frames that were chosen, unless it is there; whether it was made.

    Args:
        lake: holds frames and pictures, and takes the movie.
        name: the moment's.
        scratch: a folder for what is being made.
        anew: make it although it is there.
        report: is told how far it is.

    Raises:
        ObjectMissing: no frames were chosen, or a picture is gone.
        MovieError: there are too few frames, or it cannot be encoded.
        PictureError: a picture cannot be used.
    """
    chosen = kept_frames(lake, name)
    before = made(lake, name)
    if before is not None and before.digest == chosen.digest and not anew:
        return before, False
    folder = scratch / "moments" / name
    # What a killed process has left.
    shutil.rmtree(folder, ignore_errors=True)
    try:
        movie = render(lake, chosen, folder / file_of(chosen.moment), report=report)
        for file in movie.files:
            lake.put_file(moment_key(name, file), folder / file)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    lake.put_bytes(moment_key(name, MOVIE), movie.document())
    # Of another codec.
    for file in (set(before.files) if before else set()) - set(movie.files):
        lake.remove(moment_key(name, file))
    return movie, True


def file_of(moment: Moment) -> str:
    """The name of its movie's file, or of its still's."""
    return f"{'still' if moment.kind.is_still else 'movie'}{suffix_of(moment)}"


def suffix_of(moment: Moment) -> str:
    """The ending of its movie's file."""
    if moment.kind.is_still:
        return ".jpg"
    from martian_moments.media.encoding import CODECS

    return CODECS[moment.codec.value].suffix


def render(lake: Lake, chosen: Chosen, path: Path, *, report: Report = _silent) -> Made:
    """Make a movie or still as the file ``path``, and what belongs to it beside it. Raises as :func:`make`."""
    from martian_moments.media.encoding import encode
    from martian_moments.media.frames import PrepareOptions
    from martian_moments.media.outputs import captions, poster, preview
    from martian_moments.media.preparing import prepare
    from martian_moments.media.sensor import learn_sensor

    moment, total = chosen.moment, len(chosen.frames)
    if total < FEWEST_FRAMES:
        raise MovieError(
            f"{moment.name} has {total} frames, and a movie needs {FEWEST_FRAMES}; {moment_key(moment.name, FRAMES)} "
            "says why each of the other pictures is left out"
        )
    inputs = [_input(lake, frame) for frame in chosen.frames]
    credit = "; ".join(_credits(chosen))
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / CREDITS).write_text(_credits_text(chosen), encoding="utf-8")
    if moment.kind.is_still:
        return _render_still(chosen, inputs, credit, path)
    options = PrepareOptions(kind=moment.kind.value, size=moment.size, overlay=moment.overlay, credit=credit)
    sensor = learn_sensor(inputs)
    pixels = prepare(inputs, options, sensor=sensor, progress=lambda done: report("prepare", done, total))
    movie = encode(
        pixels,
        path,
        fps=moment.fps,
        codec=moment.codec.value,
        progress=lambda done: report("encode", done, total),
        metadata={"title": moment.label, "copyright": credit},
    )
    folder = path.parent
    poster(path, folder / POSTER)
    preview(path, folder / PREVIEW)
    captions([each.caption for each in inputs], folder / CAPTIONS, fps=movie.fps)
    (folder / "sensor.json").write_bytes(sensor.to_json())
    return Made(
        digest=chosen.digest,
        movie=path.name,
        frames=movie.frames,
        width_px=movie.width_px,
        height_px=movie.height_px,
        fps=moment.fps,
        frame_sha256=movie.frame_sha256,
        files={name: _described(folder / name) for name in (path.name, POSTER, PREVIEW, *_TEXTS)},
    )


def _render_still(chosen: Chosen, inputs: Sequence[Any], credit: str, path: Path) -> Made:
    from martian_moments.media.outputs import write_jpeg
    from martian_moments.media.stills import anaglyph, panorama
    from martian_moments.media.strip import PlacedPicture

    moment = chosen.moment
    lines, shown = (inputs[0].caption, credit) if moment.overlay else ((), "")
    if moment.kind is MomentKind.ANAGLYPH:
        left, right = inputs
        pixels = anaglyph(left, right, size=moment.size, lines=lines, credit=shown).pixels
    else:
        placed = [
            PlacedPicture(
                frame=each,
                azimuth_deg=frame["view_azimuth_deg"],
                elevation_deg=frame["view_elevation_deg"],
                fov_h_deg=frame["fov_h_deg"],
                fov_v_deg=frame["fov_v_deg"],
            )
            for each, frame in zip(inputs, chosen.frames, strict=True)
        ]
        pixels = panorama(placed, width=moment.size, lines=lines, credit=shown).pixels
    write_jpeg(pixels, path)
    write_jpeg(pixels, path.parent / POSTER)
    return Made(
        digest=chosen.digest,
        movie=path.name,
        frames=len(inputs),
        width_px=pixels.shape[1],
        height_px=pixels.shape[0],
        fps=moment.fps,
        frame_sha256=(hashlib.sha256(pixels.tobytes()).hexdigest(),),
        files={name: _described(path.parent / name) for name in (path.name, POSTER, CREDITS)},
    )


def _described(file: Path) -> tuple[int, str]:
    with file.open("rb") as opened:
        return file.stat().st_size, hashlib.file_digest(opened, "sha256").hexdigest()


def _input(lake: Lake, frame: Mapping[str, Any]) -> Any:
    from martian_moments.media.frames import FrameInput

    return FrameInput(
        photo_key=frame["photo_key"],
        read=partial(_read, lake, frame["picture_key"], frame["sha256"]),
        kind=frame["color_kind"] or ("gray" if frame["mode"] == "L" else "rgb"),
        camera=frame["source_camera"],
        caption=_caption(frame),
    )


def _read(lake: Lake, key: str, sha256: str) -> bytes:
    body = lake.get(key)
    if hashlib.sha256(body).hexdigest() != sha256:
        raise LakeError(f"{lake.url}: {key} is another picture than was chosen; materialize moments/frames again")
    return body


def _caption(frame: Mapping[str, Any]) -> tuple[str, ...]:
    """Sol and local time, then place and time on Earth."""
    local = MarsTime.parse(frame["lmst"] or "")
    when = f"Sol {frame['sol']}" + (f", {int(local.seconds) // 3600:02}:{int(local.seconds) // 60 % 60:02}" if local else "")
    place = [] if frame["site"] is None else [f"site {frame['site']}, drive {frame['drive']}"]
    taken = [] if frame["taken_at_utc"] is None else [f"{frame['taken_at_utc'][:16].replace('T', ' ')} UTC"]
    return (f"{ROVERS[frame['rover']].title}, {when}", ", ".join([frame["source_camera"], *place, *taken]))


def _credits(chosen: Chosen) -> list[str]:
    """Those whose pictures they are, who has most of them first."""
    counted = Counter(_credit(frame) for frame in chosen.frames)
    return [name for name, _ in counted.most_common()]


def _credit(frame: Mapping[str, Any]) -> str:
    malin = frame["rover"] == "curiosity" and frame["camera"] in _MALINS_CAMERAS
    return frame["credit"] or (_CREDIT_OF_MALIN if malin else _CREDIT)


def _credits_text(chosen: Chosen) -> str:
    lines = [
        chosen.moment.label,
        "",
        f"Pictures: {'; '.join(_credits(chosen))}",
        "Processed by martian-moments from public raw images; not calibrated, not endorsed by NASA.",
        f"Use of the pictures: {_POLICY}",
        "",
        *(f"{frame['frame']} {frame['photo_key']} {frame['address']}" for frame in chosen.frames),
    ]
    return "\n".join(lines) + "\n"
