"""The images sensor: the closed loop that ends when the lake holds the pictures that MARS_IMAGES names."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg
from pydantic import Field, RootModel

from martian_moments.defs.assets.images import IMAGES_RUN_SOLS, images_key, images_run
from martian_moments.defs.partitions import Span, newest_span, registered_sols
from martian_moments.defs.sensors.cursor import Cursor
from martian_moments.defs.sensors.in_flight import InFlight
from martian_moments.domain.coverage import Gap
from martian_moments.domain.errors import PicturesFull, PublishedDamaged
from martian_moments.domain.gaps import RetryState
from martian_moments.domain.subscriptions import Subscription
from martian_moments.infrastructure.space import shortage
from martian_moments.lake.store import Lake
from martian_moments.pipelines.images import Budget, Wanted
from martian_moments.pipelines.wanted import lacking, recorded_pictures, wanted_pictures
from martian_moments.settings import Settings
from martian_moments.warehouse.published import Published

NAME: Final = "images"

PICTURES_PER_RUN: Final = 500
"""A run asks for the newest sols that have so many pictures together, at least one sol: at 60 a minute eight minutes."""


class ImagesCursor(Cursor, RootModel[dict[str, RetryState]]):
    """The retry state of each rover."""

    root: dict[str, RetryState] = Field(default_factory=dict)

    def of(self, rover: str) -> RetryState:
        """The retry state of a rover, to be changed in place."""
        return self.root.setdefault(rover, RetryState())


def images_sensor(settings: Settings) -> dg.SensorDefinition:
    """Asks for the newest pictures of each rover that are subscribed to and are not held; one run at a time per rover."""

    @dg.sensor(
        name=NAME,
        asset_selection=[images_key(rover) for rover in settings.rovers],
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares the pictures that MARS_IMAGES names, by the published tables, with those that the lake holds, "
        f"and asks for the rest, newest sols first, about {PICTURES_PER_RUN} pictures a run. What fails is asked for again, "
        "later each time; what a server does not have, after a week.",
    )
    def images(
        context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake], published: dg.ResourceParam[Published]
    ) -> dg.SensorResult | dg.SkipReason:
        if not settings.images:
            return dg.SkipReason("MARS_IMAGES names no pictures")
        if short := shortage(settings.folders):
            return dg.SkipReason(short)
        cursor = ImagesCursor.read(context.cursor, warn=context.log.warning)
        look = _Look(context, lake, published, Budget(lake, settings.images_max_bytes))
        for rover in settings.rovers:
            if mine := [each for each in settings.images if each.rover == rover]:
                look.at(rover, mine, cursor.of(rover))
        reasons = "; ".join(look.reasons) or "nothing is due: all is held, or waits for its next attempt"
        return dg.SensorResult(
            run_requests=look.requests, cursor=cursor.write(), skip_reason=None if look.requests else reasons
        )

    return images


class _Look:
    """One tick: what it asks for, and why it does not ask for more."""

    def __init__(self, context: dg.SensorEvaluationContext, lake: Lake, published: Published, budget: Budget) -> None:
        self.requests: list[dg.RunRequest] = []
        self.reasons: list[str] = []
        self._instance = context.instance
        self._under_way = InFlight(context)
        self._lake = lake
        self._published = published
        self._budget = budget

    def at(self, rover: str, subscriptions: Sequence[Subscription], retry_state: RetryState) -> None:
        """Ask for the next pictures of a rover."""
        if self._under_way.runs_of(images_key(rover)):
            self.reasons.append(f"{rover}: a run is under way")
            return
        try:
            wanted = wanted_pictures(self._published, subscriptions)
            recorded = recorded_pictures(self._lake, self._published, rover)
        except PublishedDamaged as error:
            self.reasons.append(f"{rover}: {error}")
            return
        missing = lacking(wanted, recorded, datetime.now(UTC))
        if not wanted:
            self.reasons.append(f"{rover}: no photo is known of {', '.join(map(str, subscriptions))}")
        gaps = {sol: Gap(sol, expected=len(pictures), found=None) for sol, pictures in missing.items()}
        registered = registered_sols(self._instance, rover)
        now = time.time()
        due = [sol for sol in retry_state.due(gaps, self._under_way.sols(images_key(rover)), now) if sol in registered]
        if span := _next(due, missing):
            retry_state.asked(span.sols, gaps, now)
            try:
                self._budget.require()
            except PicturesFull as error:
                self.reasons.append(f"{rover}: {error}")
                return
            self.requests.append(images_run(rover, span))


def _next(due: Sequence[int], missing: Mapping[int, Sequence[Wanted]]) -> Span | None:
    """The newest sols that are due, as many as one run asks for."""
    chosen: list[int] = []
    pictures = 0
    for sol in sorted(due, reverse=True):
        pictures += len(missing[sol])
        if chosen and pictures > PICTURES_PER_RUN:
            break
        chosen.append(sol)
    return newest_span(chosen, IMAGES_RUN_SOLS)
