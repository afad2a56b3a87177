"""``python -m bench.movie_steps STEP FOLDER COUNT``: one step over so many pictures of a folder, which repeat."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

_DRAWN: Final = 50
"""Pictures of a folder: a camera that goes back and forth along a scene."""


def draw_pictures(folder: Path, *, kind: str, width: int, height: int, jumps: float = 0.2) -> None:
    """Draw the pictures of a folder: ``gray JPEG``, ``colour JPEG`` or ``gray PNG``; exposures differ by ``jumps``."""
    import cv2
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(14)
    scene: Any = np.zeros((height + 64, width + 256), np.float32)
    for scale in (1, 2, 4, 8, 16, 32, 64):
        grain = random.standard_normal((scene.shape[0] // scale + 1, scene.shape[1] // scale + 1)).astype(np.float32)
        scene += scale**0.5 * cv2.resize(grain, scene.shape[::-1], interpolation=cv2.INTER_CUBIC)
    scene = cv2.GaussianBlur(scene, (0, 0), 1.2)
    scene = 115 + 26 * (scene - scene.mean()) / scene.std()
    for number in range(_DRAWN):
        right = 4 * (number if number < _DRAWN // 2 else _DRAWN - number)
        seen = scene[32 : 32 + height, right : right + width] * random.uniform(1 - jumps, 1 + jumps) + random.normal(
            0, 1.5, (height, width)
        )
        if kind.startswith("colour"):
            seen = np.stack([seen * 0.7, seen, seen * 1.2], axis=2)
        name = f"{number:03}.{'png' if kind.endswith('PNG') else 'jpg'}"
        cv2.imwrite(str(folder / name), np.clip(seen, 0, 255).astype(np.uint8))


def _pictures(folder: Path, count: int) -> Iterator[Path]:
    files = sorted(each for each in folder.iterdir() if each.suffix in {".jpg", ".png"})
    for number in range(count):
        yield files[number % len(files)]


def _measure(folder: Path, count: int) -> None:
    import cv2

    from martian_moments.media.quality import measure

    cv2.setNumThreads(1)
    for path in _pictures(folder, count):
        measure(path.read_bytes())


def _decode(folder: Path, count: int) -> None:
    from martian_moments.media.decoding import decode

    for path in _pictures(folder, count):
        decode(path.read_bytes(), luma=True)


def _movie(kind: str, folder: Path, count: int) -> None:
    from martian_moments.media.encoding import encode
    from martian_moments.media.frames import FrameInput, PrepareOptions
    from martian_moments.media.preparing import prepare

    frames = [
        FrameInput(
            photo_key=f"perseverance|m20|NLF_0670_0726421423_362ECM_{number}",
            read=path.read_bytes,
            camera="NAVCAM_LEFT",
            caption=(
                f"Perseverance, sol {number // 3}, {number % 24:02}:00 local mean solar time",
                "Left Navigation Camera",
            ),
        )
        for number, path in enumerate(_pictures(folder, count))
    ]
    encode(prepare(frames, PrepareOptions(kind=kind, credit="NASA/JPL-Caltech")), folder.parent / "movie.mp4", fps=12)


def _bare(folder: Path, count: int) -> None:
    """Each file decoded by Pillow and encoded by PyAV with the settings of the platform, nothing else."""
    import av
    import numpy as np
    from PIL import Image

    from martian_moments.media.encoding import CODECS

    codec = CODECS["h264"]
    with av.open(str(folder.parent / "bare.mp4"), "w", options={"movflags": "+faststart"}) as container:
        stream: Any = container.add_stream(codec.encoder, rate=Fraction(12), options=dict(codec.options))
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = 1280, 960, "yuv420p", 2
        for path in _pictures(folder, count):
            with Image.open(path) as image:
                frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


STEPS: Final[Mapping[str, Callable[[Path, int], None]]] = {
    "measure": _measure,
    "decode": _decode,
    "drive": lambda folder, count: _movie("drive", folder, count),
    "view": lambda folder, count: _movie("view", folder, count),
    "bare": _bare,
}


def main() -> None:
    """Run one step and print what it took."""
    step, folder, count = sys.argv[1:]
    began, cpu = time.perf_counter(), time.process_time()
    STEPS[step](Path(folder), int(count))
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}))


if __name__ == "__main__":
    main()
