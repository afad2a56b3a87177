"""``python -m martian_moments.serving``: the service as a child of the supervisor, whose environment has its settings."""

from __future__ import annotations

import sys

from martian_moments.domain.errors import MartianError
from martian_moments.resources import Resources
from martian_moments.serving.start import serve
from martian_moments.settings import Settings

if __name__ == "__main__":
    try:
        serve(Resources(Settings.load()), on_ready=print)
    except MartianError as error:
        sys.exit(str(error))
