"""The extra ``media``: what says that it is missing before an import fails."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

from martian_moments.domain.errors import MediaMissing

MODULES = {"av": "PyAV", "cv2": "OpenCV", "PIL": "Pillow"}


@cache
def require_media() -> None:
    """Called before the first import of one of them.

    Raises:
        MediaMissing: one of the libraries is not installed.
    """
    missing = [library for module, library in MODULES.items() if find_spec(module) is None]
    if missing:
        raise MediaMissing(
            f"pictures and movies need {', '.join(missing)}, not installed here: pip install 'martian-moments[media]'"
        )
