"""The upload sensor: from upload events to bronze runs.

Offsets live in the sensor's cursor, which Dagster stores in one update together with the runs that a tick asks for, so that
a tick is done whole or not at all. What an event names stays *pending* in the cursor until a run covers it; a rover whose
bronze run is not finished collects events meanwhile and gets one wider run afterwards.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, Final

import dagster as dg
from pydantic import Field, field_serializer

from martian_moments.dagster_runtime.follows import EVENTS
from martian_moments.defs.assets.bronze import MANIFESTS, TRAVERSE, by_sol
from martian_moments.defs.partitions import BRONZE_RUN_SOLS, range_tags, register_sols, spans
from martian_moments.defs.sensors.cursor import Cursor
from martian_moments.defs.sensors.in_flight import InFlight
from martian_moments.defs.sensors.reading import in_words, read_on
from martian_moments.domain.documents import Coordinates, Kind, coordinates, sol_key
from martian_moments.domain.errors import EventLogUnavailable, EventUnreadable
from martian_moments.domain.rovers import ROVERS
from martian_moments.events.dead_letters import dead_letter
from martian_moments.events.log import UPLOADS, UPLOADS_DEAD, EventLog, Message
from martian_moments.events.uploads import LONGEST_KEY, Odd, Upload, of_records, parse_uploads
from martian_moments.infrastructure.space import shortage
from martian_moments.settings import Settings

NAME: Final = "upload_events"

EVENTS_PER_TICK: Final = 5_000
"""A tick reads at most this many events: parsing them takes under a second of the 60 that a tick may last."""

_DEAD_REPORTED: Final = 10
"""A tick's log names so many dead letters; all of them are in their topic."""

_ODD_REPORTED: Final = 5
"""A dead letter's reason names so many records; all of them are in the letter."""


_BY_ROVER: Final = {"manifests": MANIFESTS, "traverse": TRAVERSE}
"""The assets that are partitioned by rover, by their names in the cursor."""


class UploadCursor(Cursor):
    """What the upload sensor knows.

    Attributes:
        log: the identity of the log that the offsets are of; None in a cursor of an earlier release.
        offsets: the next offset to read, by partition.
        sols: by rover, the sols whose photos wait for a bronze run.
        images: by rover, the sols whose images do; none in a cursor of an earlier release.
        rovers: by kind (``manifests``, ``traverse``), the rovers that wait for a bronze run.
    """

    log: str | None = None
    offsets: dict[int, int] = Field(default_factory=dict)
    sols: dict[str, set[int]] = Field(default_factory=dict)
    images: dict[str, set[int]] = Field(default_factory=dict)
    rovers: dict[str, set[str]] = Field(default_factory=dict)

    @property
    def pending(self) -> int:
        """How many objects wait for a run."""
        return sum(len(members) for waiting in (self.sols, self.images, self.rovers) for members in waiting.values())

    @property
    def by_sol(self) -> Mapping[Kind, dict[str, set[int]]]:
        """By kind, and then by rover, the sols that wait for a bronze run; to be changed in place."""
        return {Kind.PHOTOS: self.sols, Kind.IMAGES: self.images}

    def add(self, at: Coordinates) -> None:
        """Note that an object waits for a bronze run."""
        if at.kind in self.by_sol and at.sol is not None:
            self.by_sol[at.kind].setdefault(at.rover, set()).add(at.sol)
        else:
            self.rovers.setdefault("manifests" if at.kind is Kind.MANIFEST else "traverse", set()).add(at.rover)

    def write(self) -> str:
        """The cursor as text; as releases before wrote it where no images wait."""
        return self.model_dump_json(exclude=None if any(self.images.values()) else {"images"})

    @field_serializer("offsets")
    def _by_partition(self, offsets: dict[int, int]) -> dict[int, int]:
        return dict(sorted(offsets.items()))

    @field_serializer("sols", "images", "rovers")
    def _sorted(self, waiting: dict[str, set[Any]]) -> dict[str, list[Any]]:
        """In order, so that nothing new is the same text as before."""
        return {name: sorted(members) for name, members in sorted(waiting.items()) if members}


def upload_sensor(settings: Settings) -> dg.SensorDefinition:
    """Asks for the bronze partitions of what was uploaded."""
    loads = [MANIFESTS, TRAVERSE, *(key for rover in settings.rovers for key in by_sol(rover).values())]

    @dg.sensor(
        name=NAME,
        asset_selection=loads,
        minimum_interval_seconds=5,
        tags=EVENTS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads upload events and loads what they name into bronze; unreadable ones become dead letters.",
    )
    def upload_events(
        context: dg.SensorEvaluationContext, event_log: dg.ResourceParam[EventLog]
    ) -> dg.SensorResult | dg.SkipReason:
        if short := shortage(settings.folders):
            return dg.SkipReason(short)
        cursor = UploadCursor.read(context.cursor, warn=context.log.warning)
        try:
            read = _read(context, event_log, cursor, _Scope(settings.lake_bucket, settings.rovers))
        except EventLogUnavailable as error:
            # Not a failed tick: in an outage each would leave its traceback in the daemon's log.
            context.log.warning(str(error))
            return dg.SkipReason(f"{error}. The cursor stays where it is.")
        context.log.info("%s; %d objects wait for a run", read, cursor.pending)
        _register(context.instance, cursor)
        under_way = InFlight(context)
        # The writer will not come to more than one: what arrives before is loaded with it, or in one wider run.
        requests = [] if under_way.queued(loads) else list(_requests(cursor, under_way, settings.rovers))
        return dg.SensorResult(
            run_requests=requests,
            cursor=cursor.write(),
            skip_reason=None if requests else f"{read}; {cursor.pending} objects wait for a running load",
        )

    return upload_events


@dataclass(frozen=True, slots=True)
class _Scope:
    """The bucket of the lake, and the rovers that there are bronze partitions for."""

    bucket: str
    rovers: Sequence[str]


def _read(context: dg.SensorEvaluationContext, log: EventLog, cursor: UploadCursor, scope: _Scope) -> str:
    """Read on from the cursor; returns what was read, in words."""
    batch = read_on(log, UPLOADS, cursor.offsets, of=cursor.log, limit=EVENTS_PER_TICK, warn=context.log.warning)
    dead: list[Message] = []
    foreign = 0
    for record in batch.records:
        found = _found(record.value, scope)
        foreign += found.foreign
        for at in found.named:
            cursor.add(at)
        if found.odd:
            if len(dead) < _DEAD_REPORTED:
                context.log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, found.reason)
            dead.append(dead_letter(replace(record, value=found.unused), found.reason))
    # Before the cursor moves: a tick that dies here repeats its dead letters, one that moved first would lose them.
    log.publish(UPLOADS_DEAD, dead)
    cursor.log, cursor.offsets = batch.log, batch.offsets
    others = f", {foreign} of other buckets than {scope.bucket}" if foreign else ""
    return f"{len(batch.records)} events read, {len(dead)} made dead letters{others}; {in_words(batch.lag)}"


@dataclass(slots=True)
class _Found:
    """What one message holds.

    Attributes:
        named: the documents that were uploaded and that there are bronze partitions for.
        foreign: how many objects of other buckets it names.
        odd: why its other records cannot be used, by their place in the message, from 0.
        records: how many records it has.
        unused: the message with only the odd records.
    """

    named: list[Coordinates] = field(default_factory=list)
    foreign: int = 0
    odd: dict[int, str] = field(default_factory=dict)
    records: int = 1
    unused: bytes | None = None

    @property
    def reason(self) -> str:
        """Why the odd records cannot be used, in words."""
        if self.records == 1:
            return self.odd[0]
        reported = "; ".join(f"record {place + 1}: {why}" for place, why in list(self.odd.items())[:_ODD_REPORTED])
        rest = f"; and {len(self.odd) - _ODD_REPORTED} more" if len(self.odd) > _ODD_REPORTED else ""
        return f"{len(self.odd)} of {self.records} records: {reported}{rest}"


def _found(value: bytes | None, scope: _Scope) -> _Found:
    """What a message holds: each of its records is used or refused by itself."""
    try:
        results = parse_uploads(value)
    except EventUnreadable as error:
        return _Found(odd={0: str(error)}, unused=value)
    found = _Found(records=len(results))
    for place, each in enumerate(results):
        match each:
            case Odd(reason):
                found.odd[place] = reason
            case Upload(bucket=bucket) if bucket != scope.bucket:
                found.foreign += 1
            case Upload(key=key):
                at = coordinates(key)
                if refusal := _refusal(key, at):
                    found.odd[place] = refusal
                elif at is not None and at.rover in scope.rovers:
                    found.named.append(at)
    if found.odd and value is not None:
        found.unused = of_records(value, found.odd)
    return found


def _refusal(key: str, at: Coordinates | None) -> str | None:
    """Why no partition can hold the object of this key; None where one can."""
    if at is None:
        return f"{key[:LONGEST_KEY]!r} is not the key of a document"
    if at.rover not in ROVERS:
        return f"{key[:LONGEST_KEY]!r} is of an unknown rover; known are {', '.join(ROVERS)}"
    if at.sol is not None and at.sol not in ROVERS[at.rover].sols_until(datetime.now(UTC)):
        return f"{key[:LONGEST_KEY]!r} is of a sol that {at.rover} has not reached yet"
    return None


def _register(instance: dg.DagsterInstance, cursor: UploadCursor) -> None:
    """Register sols that were uploaded before a manifest reported them (a lake that came from elsewhere).

    Here and not as a request of the tick: the daemon asks the storage about each requested key by itself, which took two
    minutes for 4,000 sols on PostgreSQL. A tick that dies after this has lost nothing, the sols are there.
    """
    for waiting in cursor.by_sol.values():
        for rover, sols in waiting.items():
            if sols:
                register_sols(instance, rover, max(sols))


def _requests(cursor: UploadCursor, under_way: InFlight, rovers: Sequence[str]) -> Iterator[dg.RunRequest]:
    """Runs for what is pending, one span of a rover's sols or neighbours among the rovers each.

    Takes what they cover out of the cursor.
    What has the same partitions goes in one run: the warehouse has one writer, and most of a small load is its start.
    """
    position = json.dumps([cursor.log, *sorted(cursor.offsets.items())])
    for rover in sorted({rover for waiting in cursor.by_sol.values() for rover in waiting}):
        kinds = [kind for kind, waiting in cursor.by_sol.items() if waiting.get(rover)]
        kinds = [kind for kind in kinds if not under_way.runs_of(by_sol(rover)[kind])]
        for span in spans({sol for kind in kinds for sol in cursor.by_sol[kind].pop(rover)}, BRONZE_RUN_SOLS):
            run_key = _run_key(position, *kinds, rover, sol_key(span.first), sol_key(span.last), len(span.sols))
            yield dg.RunRequest(run_key, asset_selection=[by_sol(rover)[kind] for kind in kinds], tags=span.tags())
    by_names = groupby(rovers, lambda rover: _due_names(cursor, under_way, rover))
    for names, neighbours in [(names, list(neighbours)) for names, neighbours in by_names if names]:
        yield dg.RunRequest(
            _run_key(position, *names, neighbours[0], neighbours[-1]),
            asset_selection=[_BY_ROVER[name] for name in names],
            partition_key=neighbours[0] if len(neighbours) == 1 else None,
            tags=None if len(neighbours) == 1 else range_tags(neighbours[0], neighbours[-1]),
        )
        for name in names:
            cursor.rovers[name].difference_update(neighbours)


def _due_names(cursor: UploadCursor, under_way: InFlight, rover: str) -> tuple[str, ...]:
    """What is pending of a rover and not under way, by the names in the cursor."""
    names = (name for name, waiting in cursor.rovers.items() if rover in waiting)
    return tuple(name for name in names if not under_way.runs_of(_BY_ROVER[name], rover))


def _run_key(*parts: object) -> str:
    # Offsets and their log make the key unique for ever: Dagster drops a request whose key it has seen, even if that run
    # failed, and a new log comes to the same offsets again.
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]
