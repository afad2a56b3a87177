"""The upload sensor: from upload events to bronze runs.

Offsets live in the sensor's cursor, which Dagster stores in one update together with the runs that a tick asks for, so that
a tick is done whole or not at all. What an event names stays *pending* in the cursor until a run covers it; a rover whose
bronze run is not finished collects events meanwhile and gets one wider run afterwards.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from martian_moments.assets.bronze import MANIFESTS, TRAVERSE, photos_key
from martian_moments.automation.in_flight import InFlight
from martian_moments.automation.reading import in_words, read_on
from martian_moments.documents import Coordinates, Kind, coordinates, sol_key
from martian_moments.errors import EventLogUnavailable, EventUnreadable
from martian_moments.events.dead_letters import dead_letter
from martian_moments.events.log import UPLOADS, UPLOADS_DEAD, EventLog, Message
from martian_moments.events.uploads import Upload, parse_uploads
from martian_moments.partitions import BRONZE_RUN_SOLS, register_sols, spans
from martian_moments.rooms import Rooms
from martian_moments.rovers import ROVERS

NAME: Final = "upload_events"

EVENTS_PER_TICK: Final = 5_000
"""A tick reads at most this many events: parsing them takes under a second of the 60 that a tick may last."""

_LONGEST_KEY: Final = 1_024
"""Characters of a key, as in S3."""

_DEAD_TOLD: Final = 10
"""A tick's log names so many dead letters; all of them are in their topic."""


@dataclass(slots=True)
class Cursor:
    """What the sensor knows between ticks.

    Attributes:
        offsets: the next offset to read, by partition.
        log: the identity of the log that the offsets are of; None in a cursor of an earlier release.
        sols: by rover, the sols whose photos wait for a bronze run.
        rovers: by kind (``manifests``, ``traverse``), the rovers that wait for a bronze run.
    """

    offsets: dict[int, int] = field(default_factory=dict)
    sols: dict[str, set[int]] = field(default_factory=dict)
    rovers: dict[str, set[str]] = field(default_factory=dict)
    log: str | None = None

    @property
    def pending(self) -> int:
        """How many objects wait for a run."""
        return sum(map(len, self.sols.values())) + sum(map(len, self.rovers.values()))

    def add(self, at: Coordinates) -> None:
        """Note that an object waits for a bronze run."""
        if at.kind is Kind.PHOTOS and at.sol is not None:
            self.sols.setdefault(at.rover, set()).add(at.sol)
        else:
            self.rovers.setdefault("manifests" if at.kind is Kind.MANIFEST else "traverse", set()).add(at.rover)

    def dump(self) -> str:
        """As text."""
        return json.dumps(
            {
                "log": self.log,
                "offsets": {str(partition): offset for partition, offset in sorted(self.offsets.items())},
                "sols": {rover: sorted(sols) for rover, sols in sorted(self.sols.items()) if sols},
                "rovers": {kind: sorted(rovers) for kind, rovers in sorted(self.rovers.items()) if rovers},
            },
            separators=(",", ":"),
        )

    @classmethod
    def load(cls, text: str | None) -> "Cursor":
        """From text; an absent cursor reads the log from its beginning."""
        if not text:
            return cls()
        stored = json.loads(text)
        return cls(
            offsets={int(partition): offset for partition, offset in stored["offsets"].items()},
            sols={rover: set(sols) for rover, sols in stored["sols"].items()},
            rovers={kind: set(rovers) for kind, rovers in stored["rovers"].items()},
            log=stored.get("log"),
        )


def upload_sensor(rovers: Sequence[str]) -> dg.SensorDefinition:
    """Asks for the bronze partitions of what was uploaded."""

    @dg.sensor(
        name=NAME,
        asset_selection=[MANIFESTS, TRAVERSE, *(photos_key(rover) for rover in rovers)],
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Reads upload events and loads what they name into bronze; unreadable ones become dead letters.",
    )
    def upload_events(
        context: dg.SensorEvaluationContext, rooms: dg.ResourceParam[Rooms]
    ) -> dg.SensorResult | dg.SkipReason:
        if short := rooms.shortage():
            return dg.SkipReason(short)
        cursor = Cursor.load(context.cursor)
        try:
            read = _read(context, rooms.log, cursor, _Scope(rooms.lake_bucket, rovers))
        except EventLogUnavailable as error:
            # Not a failed tick: in an outage each would leave its traceback in the daemon's log.
            context.log.warning(str(error))
            return dg.SkipReason(f"{error}. The cursor stays where it is.")
        context.log.info("%s; %d objects wait for a run", read, cursor.pending)
        _register(context.instance, cursor)
        under_way = InFlight(context)
        requests = list(_requests(cursor, under_way))
        return dg.SensorResult(
            run_requests=requests,
            cursor=cursor.dump(),
            skip_reason=None if requests else f"{read}; {cursor.pending} objects wait for a running load",
        )

    return upload_events


@dataclass(frozen=True, slots=True)
class _Scope:
    """The bucket of the lake, and the rovers that there are bronze partitions for."""

    bucket: str
    rovers: Sequence[str]


def _read(context: dg.SensorEvaluationContext, log: EventLog, cursor: Cursor, scope: _Scope) -> str:
    """Read on from the cursor; tells what was read, in words."""
    batch = read_on(log, UPLOADS, cursor.offsets, of=cursor.log, limit=EVENTS_PER_TICK, warn=context.log.warning)
    dead: list[Message] = []
    foreign = 0
    for record in batch.records:
        try:
            uploads = [each for each in parse_uploads(record.value) if isinstance(each, Upload)]
            ours = [upload for upload in uploads if upload.bucket == scope.bucket]
            foreign += len(uploads) - len(ours)
            for at in _named(ours, scope):
                cursor.add(at)
        except EventUnreadable as error:
            if len(dead) < _DEAD_TOLD:
                context.log.warning("%s[%d]@%d: %s", record.topic, record.partition, record.offset, error)
            dead.append(dead_letter(record, str(error)))
    # Before the cursor moves: a tick that dies here repeats its dead letters, one that moved first would lose them.
    log.publish(UPLOADS_DEAD, dead)
    cursor.log, cursor.offsets = batch.log, batch.offsets
    others = f", {foreign} of other buckets than {scope.bucket}" if foreign else ""
    return f"{len(batch.records)} events read, {len(dead)} made dead letters{others}; {in_words(batch.lag)}"


def _named(uploads: Iterable[Upload], scope: _Scope) -> Iterator[Coordinates]:
    """The documents that were uploaded. Raises EventUnreadable for one that no partition can hold."""
    for upload in uploads:
        at = coordinates(upload.key)
        if at is None:
            raise EventUnreadable(f"{upload.key[:_LONGEST_KEY]!r} is not the key of a document")
        if at.rover not in ROVERS:
            raise EventUnreadable(f"{upload.key!r} is of an unknown rover; known are {', '.join(ROVERS)}")
        if at.sol is not None and at.sol not in ROVERS[at.rover].sols_until(datetime.now(UTC)):
            raise EventUnreadable(f"{upload.key!r} is of a sol that {at.rover} has not reached yet")
        if at.rover in scope.rovers:
            yield at


def _register(instance: dg.DagsterInstance, cursor: Cursor) -> None:
    """Register sols that were uploaded before a manifest told of them (a lake that came from elsewhere).

    Here and not as a request of the tick: the daemon asks the storage about each requested key by itself, which took two
    minutes for 4,000 sols on PostgreSQL. A tick that dies after this has lost nothing, the sols are there.
    """
    for rover, sols in cursor.sols.items():
        if sols:
            register_sols(instance, rover, max(sols))


def _requests(cursor: Cursor, under_way: InFlight) -> Iterator[dg.RunRequest]:
    """Runs for what is pending, one asset partition or span each; takes what they cover out of the cursor."""
    position = json.dumps([cursor.log, *sorted(cursor.offsets.items())])
    for rover, sols in cursor.sols.items():
        if under_way.runs_of(photos_key(rover)):
            continue
        for span in spans(sols, BRONZE_RUN_SOLS):
            run_key = _run_key(position, rover, sol_key(span.first), sol_key(span.last), len(span.sols))
            yield dg.RunRequest(run_key=run_key, asset_selection=[photos_key(rover)], tags=span.tags())
        cursor.sols[rover] = set()
    for kind, rovers in cursor.rovers.items():
        asset = MANIFESTS if kind == "manifests" else TRAVERSE
        for rover in sorted(rovers):
            if not under_way.runs_of(asset, rover):
                yield dg.RunRequest(run_key=_run_key(position, kind, rover), asset_selection=[asset], partition_key=rover)
                rovers.discard(rover)


def _run_key(*parts: object) -> str:
    # Offsets and their log make the key unique for ever: Dagster drops a request whose key it has seen, even if that run
    # failed, and a new log comes to the same offsets again.
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]
