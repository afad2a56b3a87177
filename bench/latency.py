"""From an upload to bronze and to gold, on an idle platform with all its sensors and schedules."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.embedded import platform
from bench.measuring import percentile
from bench.report import Line
from bench.uploads import builds, line_of, settle, upload
from bench.upstream import ROVER, upstream
from martian_moments.events.log import INGESTION_REQUESTS
from martian_moments.events.messages import refresh_request

_SOLS: Final = 40
_PERCENTILES: Final = (50, 95)
_GOALS: Final = {"bronze": (3.0, 5.0), "gold": (9.0, 13.0)}
"""At most so many seconds, of each percentile."""

_BEFORE: Final = {"bronze": (5.97, 10.84), "gold": (22.96, 27.59)}
"""What they were on the same machine when they were first measured."""


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the latency benchmark."""
    uploads = 1 if quick else 20
    times = []
    with upstream(2 if quick else _SOLS) as mars, tempfile.TemporaryDirectory() as home:
        addresses, module = mars.replica.addresses, "martian_moments.definitions"
        with platform(Path(home), addresses, rover=ROVER, module=module, in_flight=16) as mine:
            mine.resources.event_log.publish(INGESTION_REQUESTS, [refresh_request([ROVER], young=False)])
            settle(mine.resources, mine.instance)
            settled = datetime.now(UTC)
            for number in range(uploads):
                # Ticks come at fixed intervals: an upload may find any moment between two of them.
                time.sleep(random.Random(number).uniform(0, 5))
                times.append(upload(mine.resources, mine.instance, ROVER, mars.sols[-1], number))
            found_builds = builds(mine.instance, settled)
    for what, found in zip(_GOALS, zip(*times, strict=True), strict=True):
        for percent, goal, before in zip(_PERCENTILES, _GOALS[what], _BEFORE[what], strict=True):
            yield Line(
                name=f"upload to {what}, p{percent} of {uploads}",
                ours=percentile(found, percent),
                unit="s",
                baseline=before,
                against="in November 2026",
                at_most=goal,
            )
    yield line_of("build of them", found_builds)
