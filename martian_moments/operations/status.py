"""The status: what is promised, what the lake, bronze and silver hold, what is missing, and whether all is settled.

It reads the lake, the published tables, the event log and Dagster's storage. Of the warehouse it reads nothing: a file that
has changed is opened to see that it is whole, while nobody writes, so that it works while a load or dbt holds it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

import dagster as dg

from martian_moments.dagster_runtime.backfills import unfinished_backfills
from martian_moments.defs.sensors import gap_sensor, requests_sensor, upload_sensor
from martian_moments.defs.sensors.in_flight import unfinished_runs
from martian_moments.domain.clock import latest_plausible
from martian_moments.domain.coverage import Gap
from martian_moments.domain.documents import FOLDERS
from martian_moments.domain.errors import EventLogError
from martian_moments.domain.gaps import RetryState
from martian_moments.events.log import DEAD_LETTERS, INGESTION_REQUESTS, UPLOADS
from martian_moments.events.offsets import beyond_end, in_log, lag
from martian_moments.infrastructure.space import shortage
from martian_moments.lake.look import Look
from martian_moments.operations.counts import Counts
from martian_moments.operations.dated_ahead import dated_ahead
from martian_moments.operations.service import ServiceStatus, service_status
from martian_moments.pipelines.coverage import coverage
from martian_moments.pipelines.differences import differences
from martian_moments.pipelines.shrinkage import unconfirmed
from martian_moments.resources import Resources

_COUNTS: Final[WeakKeyDictionary[Resources, Counts]] = WeakKeyDictionary()
"""What was counted at the last look at a platform."""


@dataclass(frozen=True, slots=True)
class GapStatus:
    """One sol that the lake does not hold whole; ``next_attempt_at`` is UTC, None when it is due now."""

    sol: int
    expected: int
    found: int
    attempts: int
    next_attempt_at: datetime | None


@dataclass(slots=True)
class RoverStatus:
    """One rover. ``unserved`` means that no configured source has photos of it.

    Photos and sols are those of the one document per sol that is selected for it. ``fallback`` counts the sols whose
    document is of a source preferred less than one that did not respond, is short, or does not reach as far. ``unanswered``
    names the parts of sources that never responded while the rest did, e.g. volumes of the PDS: nobody knows what they have.
    What is in bronze and silver is None while the published table that says so is damaged.
    """

    state: str = "served"
    sols_expected: int = 0
    sols_in_lake: int = 0
    sols_in_bronze: int | None = 0
    photos_expected: int = 0
    photos_in_lake: int = 0
    photos_in_bronze: int | None = 0
    photos_in_silver: int | None = 0
    fallback: int = 0
    gaps: list[GapStatus] = field(default_factory=list)
    short: list[GapStatus] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Status:
    """The platform.

    Attributes:
        rovers: by name.
        dead_letters: messages in the dead-letter topics, None where the log cannot be read; a letter that was replayed stays
            there.
        lag: what the sensors have not read yet, by topic and partition; without partitions where the log cannot be read.
        settled: everything that is promised is in gold, but for shorts that wait for their next attempt.
        waiting_for: why it is not settled, in words.
        pauses: hosts that asked for a pause of more than an hour which has not ended, and its end (UTC).
        warnings: what a person should know of and the platform does not wait for, one line each.
        service: the HTTP service, None where there is none; nobody waits for it.
    """

    rovers: dict[str, RoverStatus]
    dead_letters: int | None
    lag: dict[str, dict[int, int]]
    settled: bool
    waiting_for: list[str]
    pauses: dict[str, datetime] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    service: ServiceStatus | None = None

    def to_json(self) -> dict[str, Any]:
        """As ``status --json`` prints it."""
        return asdict(self)


def status(resources: Resources, instance: dg.DagsterInstance, *, running: bool) -> Status:
    """The status now; ``running`` says whether the platform itself is up."""
    retry_states = gap_sensor.GapCursor.read(_cursor(instance, gap_sensor.NAME))
    counts = _COUNTS.setdefault(resources, Counts(resources.published))
    # Takes over what the ledger knows of headers, for this look and those that follow.
    resources.lake.heads(FOLDERS[0])
    lake = Look(resources.lake)
    rovers = {rover: _rover(resources, lake, rover, retry_states.of(rover), counts) for rover in resources.settings.rovers}
    followed = _Followed(resources, instance)
    waiting_for = [*_waiting_for_platform(resources, instance, running=running), *followed.waiting_for()]
    for rover, each in rovers.items():
        due = [short for short in each.short if short.next_attempt_at is None]
        if each.gaps or due:
            waiting_for.append(f"{rover}: {len(each.gaps)} sols missing, {len(due)} short and due")
        if each.unanswered:
            waiting_for.append(f"{rover}: no response yet for {', '.join(each.unanswered)}")
    waiting_for += _waiting_for_tables(resources, lake)
    pauses, warnings = dict(resources.nasa.pauses), list(_warnings(resources, lake, instance))
    return Status(
        rovers=rovers,
        dead_letters=followed.dead_letters,
        lag=followed.lag,
        settled=not waiting_for,
        waiting_for=waiting_for,
        pauses=pauses,
        warnings=warnings,
        service=service_status(resources.settings),
    )


def _warnings(resources: Resources, lake: Look, instance: dg.DagsterInstance) -> Iterator[str]:
    if ahead := _ticks_ahead(instance):
        yield (
            f"{ahead} sensors ran last at a time still to come, and Dagster starts none before that time: the clock was "
            "wrong then, or is now. Once it is right, stop the platform and delete Dagster's storage (docs/operations.md)"
        )
    if clock := dated_ahead(lake, resources.settings.rovers):
        yield clock
    yield from unconfirmed(lake, resources.settings.rovers)


def _ticks_ahead(instance: dg.DagsterInstance) -> int:
    """How many sensors Dagster keeps waiting because their last tick lies ahead of the clock."""
    if instance.schedule_storage is None:
        return 0
    data = (state.instigator_data for state in instance.all_instigator_state())
    ticks = (getattr(each, "last_tick_timestamp", None) or 0.0 for each in data)
    return sum(tick > latest_plausible().timestamp() for tick in ticks)


def _waiting_for_tables(resources: Resources, lake: Look) -> Iterator[str]:
    found = differences(
        lake, resources.warehouse, resources.published, resources.settings.rovers, resources.settings.sources
    )
    yield from found.damaged.values()
    if found.unloaded:
        builds = f"; models are built once {len(found.awaited)} that they were made from are back" if found.awaited else ""
        yield f"{len(found.unloaded)} objects of the lake are not in bronze yet{builds}"
    elif found.silver_lags:
        yield "silver and gold have not seen all of bronze yet"
    if found.outdated:
        yield f"the open formats {', '.join(found.outdated)} are not made of the published tables yet"


def _rover(resources: Resources, lake: Look, rover: str, retry_state: RetryState, counts: Counts) -> RoverStatus:
    known = coverage(lake, rover, resources.settings.sources)
    held, now = counts.in_lake(known), datetime.now(UTC)
    sols_in_bronze, photos_in_bronze = counts.in_bronze(rover, [view.source for view in known.views])
    return RoverStatus(
        state="unserved" if known.unserved else "served",
        sols_expected=held.sols_expected,
        sols_in_lake=held.sols_held,
        sols_in_bronze=sols_in_bronze,
        photos_expected=held.photos_expected,
        photos_in_lake=held.photos_held,
        photos_in_bronze=photos_in_bronze,
        photos_in_silver=counts.in_silver(rover),
        fallback=held.fallback,
        gaps=[_gap_status(gap, retry_state, now) for gap in held.missing],
        short=[_gap_status(gap, retry_state, now) for gap in held.short],
        unanswered=known.unanswered_parts,
    )


def _gap_status(gap: Gap, retry_state: RetryState, now: datetime) -> GapStatus:
    # As it stands in the cursor: a time that a clock ahead has set is replaced by the gap sensor's next tick.
    due_at = datetime.fromtimestamp(retry_state.next_attempt_at(gap), UTC)
    return GapStatus(
        gap.sol, gap.expected, gap.found or 0, retry_state.attempts_of(gap), next_attempt_at=due_at if due_at > now else None
    )


def _waiting_for_platform(resources: Resources, instance: dg.DagsterInstance, *, running: bool) -> Iterator[str]:
    if not running:
        yield "the platform is not running"
    if short := shortage(resources.settings.folders):
        yield short
    if runs := len(unfinished_runs(instance)):
        yield f"{runs} runs queued or running"
    if backfills := len(unfinished_backfills(instance)):
        yield f"{backfills} backfills under way"


class _Followed:
    """The topics that the sensors follow.

    Attributes:
        lag: what they have not read yet, by topic and partition; without partitions where the log cannot be read.
        dead_letters: how many the log keeps; None where it cannot be read.
    """

    def __init__(self, resources: Resources, instance: dg.DagsterInstance) -> None:
        self._uploads = upload_sensor.UploadCursor.read(_cursor(instance, upload_sensor.NAME))
        self._requests = requests_sensor.RequestsCursor.read(
            _cursor(instance, requests_sensor.NAME), first=partial(requests_sensor.first_look, resources.settings.rovers)
        )
        self.lag: dict[str, dict[int, int]] = {UPLOADS: {}, INGESTION_REQUESTS: {}}
        self.dead_letters: int | None = None
        self._trouble: dict[str, str] = {}
        try:
            self._look(resources)
        except EventLogError as error:
            self._trouble[UPLOADS] = f"the event log cannot be read: {error}"

    def _look(self, resources: Resources) -> None:
        for topic, cursor in ((UPLOADS, self._uploads), (INGESTION_REQUESTS, self._requests)):
            offsets = in_log(cursor.offsets, of=cursor.log, now=resources.event_log.identity(topic))
            marks = resources.event_log.watermarks(topic)
            self.lag[topic] = lag(offsets, marks)
            if offsets is not cursor.offsets or beyond_end(offsets, marks):
                self._trouble[topic] = f"{topic} is another log than its sensor has read: it is read from its beginning"
        marks_of_dead = [mark for topic in DEAD_LETTERS for mark in resources.event_log.watermarks(topic).values()]
        self.dead_letters = sum(mark.high - mark.low for mark in marks_of_dead)

    def waiting_for(self) -> Iterator[str]:
        """What is left to do about them, in words."""
        yield from self._trouble.values()
        unread = {topic: 0 if topic in self._trouble else sum(of_topic.values()) for topic, of_topic in self.lag.items()}
        if waiting := unread[UPLOADS] + self._uploads.pending:
            yield f"{waiting} upload events to act on"
        if waiting := unread[INGESTION_REQUESTS]:
            yield f"{waiting} ingestion requests unread"
        if self._requests.refreshes:
            yield f"manifests, maps or recent sols to be fetched of {', '.join(self._requests.refreshes)}"


def _cursor(instance: dg.DagsterInstance, sensor: str) -> str | None:
    """The cursor of one of our sensors; of the newest, where an earlier checkout of the code left another of the name."""
    states = [state for state in instance.all_instigator_state() if state.name == sensor]
    data = [state.instigator_data for state in states if state.instigator_data is not None]
    newest = max(data, key=lambda each: getattr(each, "last_tick_timestamp", None) or 0.0, default=None)
    return getattr(newest, "cursor", None)
