"""Files of generated pictures, for the tests."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def encoded(pixels: NDArray[Any], kind: str = "PNG", **options: Any) -> bytes:
    """The file of a picture: height x width, or height x width x 3."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def textured(width: int, height: int, *, seed: int = 0, mean: float = 120, contrast: float = 30) -> NDArray[np.uint8]:
    """Stones of all sizes: noise whose waves are the weaker the shorter they are, as on the ground."""
    noise = np.random.default_rng(seed).standard_normal((height, width))
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :])
    scene = np.fft.irfft2(np.fft.rfft2(noise) / (frequency + 0.02), s=(height, width))
    scene = (scene - scene.mean()) / scene.std()
    return np.asarray(np.clip(mean + contrast * scene, 0, 255).round(), np.uint8)


def claiming(width: int, height: int) -> bytes:
    """A small PNG whose header promises this many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1_000_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
