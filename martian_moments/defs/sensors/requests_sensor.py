"""What others ask for: sols, and refreshes. Also what a platform that has just started asks itself for.

A refresh is kept in the cursor until its runs have succeeded: the manifest and the traverse map first, then, where asked
for, every recent sol. Which runs belong to it is written on the runs as a tag, so that a crash at any point only repeats.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import dagster as dg
from pydantic import Field

from martian_moments.dagster_runtime.follows import EVENTS
from martian_moments.defs.assets.lake import MANIFESTS, TRAVERSE, photos_key, photos_run
from martian_moments.defs.partitions import lake_run_sols, registered_sols, spans
from martian_moments.defs.recent_sols import recent_sols
from martian_moments.defs.sensors.cursor import Cursor
from martian_moments.defs.sensors.in_flight import UNFINISHED
from martian_moments.defs.sensors.reading import in_words, read_on
from martian_moments.domain.backoff import Backoff
from martian_moments.domain.errors import EventLogUnavailable, EventUnreadable
from martian_moments.events.dead_letters import dead_letter
from martian_moments.events.log import INGESTION_DEAD, INGESTION_REQUESTS, EventLog, Record
from martian_moments.events.messages import RefreshRequest, SolsRequest, parse_request
from martian_moments.infrastructure.space import shortage
from martian_moments.lake.store import Lake
from martian_moments.pipelines.coverage import coverage, served
from martian_moments.settings import Settings

NAME: Final = "ingestion_requests"
REFRESH_TAG: Final = "martian-moments/refresh"

_LIMIT: Final = 100
_FAILED_STEPS: Final = Backoff(first=10.0, longest=300.0)


@dataclass(slots=True)
class Refresh:
    """One rover's refresh that is not done yet.

    Attributes:
        id: distinguishes this refresh's runs from those of earlier ones.
        young: whether recent sols are asked for too.
    """

    id: str
    young: bool


class RequestsCursor(Cursor):
    """Offsets of the topic, the identity of the log that they are of, and the refreshes under way by rover."""

    offsets: dict[int, int] = Field(default_factory=dict)
    refreshes: dict[str, Refresh] = Field(default_factory=dict)
    log: str | None = None


def requests_sensor(settings: Settings) -> dg.SensorDefinition:
    """Turns requests into runs of the lake assets."""

    @dg.sensor(
        name=NAME,
        asset_selection=[MANIFESTS, TRAVERSE, *(photos_key(rover) for rover in settings.rovers)],
        minimum_interval_seconds=5,
        tags=EVENTS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads the topic ingestion-scheduling and asks for the sols and refreshes that its messages name.",
    )
    def ingestion_requests(
        context: dg.SensorEvaluationContext, event_log: dg.ResourceParam[EventLog], lake: dg.ResourceParam[Lake]
    ) -> dg.SensorResult | dg.SkipReason:
        if short := shortage(settings.folders):
            return dg.SkipReason(short)
        cursor = RequestsCursor.read(context.cursor, first=partial(first_look, settings.rovers), warn=context.log.warning)
        try:
            requests, read = _act_on_messages(context, event_log, cursor, settings)
        except EventLogUnavailable as error:
            context.log.warning(str(error))
            return dg.SkipReason(f"{error}. The cursor stays where it is.")
        for rover in list(cursor.refreshes):
            steps = _Steps(context.instance, settings, lake, rover, cursor.refreshes[rover])
            requests += steps.next()
            if steps.done:
                del cursor.refreshes[rover]
        return dg.SensorResult(
            run_requests=requests,
            cursor=cursor.write(),
            skip_reason=None if requests else f"{read}; refreshing: {', '.join(cursor.refreshes) or 'none'}",
        )

    return ingestion_requests


def _act_on_messages(
    context: dg.SensorEvaluationContext, event_log: EventLog, cursor: RequestsCursor, settings: Settings
) -> tuple[list[dg.RunRequest], str]:
    """Read on from the cursor; the runs that the messages ask for, and what was read, in words."""
    batch = read_on(event_log, INGESTION_REQUESTS, cursor.offsets, of=cursor.log, limit=_LIMIT, warn=context.log.warning)
    cursor.log, cursor.offsets = batch.log, batch.offsets
    requests: list[dg.RunRequest] = []
    for record in batch.records:
        try:
            requests += _act_on(record, context.instance, cursor, settings)
        except EventUnreadable as error:
            context.log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
            event_log.publish(INGESTION_DEAD, [dead_letter(record, str(error))])
    read = f"{len(batch.records)} requests read; {in_words(batch.lag)}"
    context.log.info(read)
    return requests, read


def first_look(rovers: Sequence[str]) -> RequestsCursor:
    """A platform that never ran asks for every manifest and traverse map at once instead of waiting for the schedule."""
    return RequestsCursor(refreshes={rover: Refresh(id="first", young=False) for rover in rovers})


def _act_on(record: Record, instance: dg.DagsterInstance, cursor: RequestsCursor, settings: Settings) -> list[dg.RunRequest]:
    """Start what a message asks for. Raises EventUnreadable when it asks for what does not exist."""
    request = parse_request(record.value)
    if isinstance(request, RefreshRequest):
        for rover in request.refresh:
            if rover in settings.rovers:
                before = cursor.refreshes.get(rover)
                young = request.young or (before is not None and before.young)
                cursor.refreshes[rover] = Refresh(id=_place(record, cursor.log), young=young)
        return []
    return list(_runs_for(request, _place(record, cursor.log), instance, settings))


def _place(record: Record, log: str | None) -> str:
    """What distinguishes a request from every other, also from one that had its offset in a log that is gone.

    Where no log's identity is known, the moment at which it was published takes that place.
    """
    return f"{log or record.timestamp_ms}-{record.partition}-{record.offset}"


def _runs_for(request: SolsRequest, place: str, instance: dg.DagsterInstance, settings: Settings) -> Iterator[dg.RunRequest]:
    registered = registered_sols(instance, request.rover)
    asked = range(request.first_sol, request.last_sol + 1)
    if request.rover not in settings.rovers or asked[0] not in registered or asked[-1] not in registered:
        known = f"{registered.start}-{registered.stop - 1}" if registered and request.rover in settings.rovers else "none"
        raise EventUnreadable(f"sols {asked[0]}-{asked[-1]} of {request.rover} are asked for, known are {known}")
    for span in spans(asked, lake_run_sols(settings)):
        run_key = f"{INGESTION_REQUESTS}-{place}-{span.first}"
        yield photos_run(request.rover, span, refetch=request.refetch, run_key=run_key)


class _Steps:
    """The runs that one refresh still needs."""

    def __init__(self, instance: dg.DagsterInstance, settings: Settings, lake: Lake, rover: str, refresh: Refresh) -> None:
        self._instance = instance
        self._late_sols = settings.late_sols
        self._widest = lake_run_sols(settings)
        self._lake = lake
        self._sources = settings.sources
        self._rover = rover
        self._refresh = refresh
        self.done = False

    def next(self) -> list[dg.RunRequest]:
        """The runs to request now; sets ``done`` when every step has succeeded."""
        requests, waiting = [], False
        for step, asset in self._by_rover():
            tag = self._tag(step)
            if self._succeeded(tag):
                continue
            waiting = True
            if self._may_start(tag):
                requests.append(dg.RunRequest(asset_selection=[asset], partition_key=self._rover, tags={REFRESH_TAG: tag}))
        if waiting or not self._refresh.young:
            self.done = not waiting
            return requests
        requests, waiting = self._recent()
        self.done = not waiting
        return requests

    def _by_rover(self) -> Iterator[tuple[str, dg.AssetKey]]:
        yield "manifest", MANIFESTS
        # Looked up only after the manifest's run was: its success means that the lake's manifest is the new one.
        if self._is_served():
            yield "traverse", TRAVERSE

    def _is_served(self) -> bool:
        return served(self._lake, self._rover, self._sources)

    def _recent(self) -> tuple[list[dg.RunRequest], bool]:
        known = coverage(self._lake, self._rover, self._sources)
        registered = registered_sols(self._instance, self._rover)
        sols = [sol for sol in recent_sols(known, self._late_sols) if sol in registered]
        requests, waiting = [], False
        for span in spans(sols, self._widest):
            tag = self._tag(f"recent-{span.first}-{span.last}")
            if self._succeeded(tag):
                continue
            waiting = True
            if self._may_start(tag):
                requests.append(photos_run(self._rover, span, refetch=True, **{REFRESH_TAG: tag}))
        return requests, waiting

    def _tag(self, step: str) -> str:
        return f"{self._rover}/{self._refresh.id}/{step}"

    def _runs(self, tag: str) -> Sequence[dg.RunRecord]:
        return self._instance.get_run_records(filters=dg.RunsFilter(tags={REFRESH_TAG: tag}))

    def _succeeded(self, tag: str) -> bool:
        return any(record.dagster_run.status is dg.DagsterRunStatus.SUCCESS for record in self._runs(tag))

    def _may_start(self, tag: str) -> bool:
        """Not while a run of this step is under way, nor too soon after the last one failed."""
        records = self._runs(tag)
        if any(record.dagster_run.status in UNFINISHED for record in records):
            return False
        last = max((record.update_timestamp.timestamp() for record in records), default=0.0)
        return not _FAILED_STEPS.waits(len(records), last, time.time())
