"""What every event log promises. A new log joins by adding the fixture of its address to LOGS."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter, defaultdict
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from martian_moments.defs.sensors.reading import read_on
from martian_moments.domain.errors import EventLogError, OffsetOutOfRange
from martian_moments.events.kafka_config import KafkaAddress
from martian_moments.events.log import TOPICS, UPLOADS, UPLOADS_DEAD, EventLog, Message, Record, Watermarks
from martian_moments.events.open import open_log

LOGS = ["sqlite_file", pytest.param("topics", marks=pytest.mark.services)]
WRITERS, BATCHES, BATCH = 3, 60, 4
_spawn = multiprocessing.get_context("spawn")


@pytest.fixture
def sqlite_file(tmp_path: Path) -> str:
    return f"sqlite://{tmp_path / 'events.db'}"


@pytest.fixture(params=LOGS)
def url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue(request.param))


@pytest.fixture
def log(url: str) -> Iterator[EventLog]:
    opened = open_log(url)
    yield opened
    opened.close()


def messages(*keys: str) -> list[Message]:
    return [Message(key, f"{n}:{key}".encode()) for n, key in enumerate(keys)]


def read_all(log: EventLog, topic: str = UPLOADS) -> list[Record]:
    return log.read(topic, {}, limit=1_000_000)


def next_offsets(records: list[Record], offsets: dict[int, int]) -> dict[int, int]:
    """The offsets after ``records``, which must follow ``offsets`` without a hole."""
    offsets = dict(offsets)
    for record in records:
        assert record.offset == offsets.get(record.partition, 0)
        offsets[record.partition] = record.offset + 1
    return offsets


def test_messages_come_back_as_they_were_published(log: EventLog) -> None:
    published = [Message("mars/sol=00001.json.gz", b'{"a": "\xc3\xa9"}'), Message("", b""), Message("k", bytes(range(256)))]
    log.publish(UPLOADS, published)
    records = read_all(log)
    assert Counter((r.key, r.value) for r in records) == Counter((m.key, m.value) for m in published)
    assert {r.topic for r in records} == {UPLOADS}
    assert all(1_577_836_800_000 < r.timestamp_ms < 4_102_444_800_000 for r in records)


def test_offsets_start_at_zero_and_have_no_holes(log: EventLog) -> None:
    for n in range(5):
        log.publish(UPLOADS, messages(*(f"key-{n}-{m}" for m in range(20))))
    offsets = next_offsets(read_all(log), {})
    assert sum(offsets.values()) == 100
    assert {p: w.high for p, w in log.watermarks(UPLOADS).items()} == offsets
    assert len(offsets) == TOPICS[UPLOADS], "a hundred keys reach every partition"


def test_messages_of_one_key_stay_in_order(log: EventLog) -> None:
    for n in range(30):
        log.publish(UPLOADS, [Message("a", b"%d" % n), Message("b", b"%d" % n)])
    by_key = defaultdict(list)
    for record in read_all(log):
        by_key[record.key, record.partition].append(int(record.value or b""))
    assert sorted(key for key, _ in by_key) == ["a", "b"], "each key lives in one partition"
    assert all(values == list(range(30)) for values in by_key.values())


def test_small_reads_from_the_offsets_reached_give_every_message_once(log: EventLog) -> None:
    log.publish(UPLOADS, messages(*(f"key-{n}" for n in range(57))))
    offsets: dict[int, int] = {}
    seen: list[Record] = []
    while records := log.read(UPLOADS, offsets, limit=5):
        assert len(records) <= 5
        offsets = next_offsets(records, offsets)
        seen += records
    assert len(seen) == 57
    assert {r.value for r in seen} == {m.value for m in messages(*(f"key-{n}" for n in range(57)))}


def test_a_busy_partition_does_not_starve_the_others(log: EventLog) -> None:
    log.publish(UPLOADS, messages(*["busy"] * 500))
    log.publish(UPLOADS, messages(*(f"key-{n}" for n in range(40))))
    records = log.read(UPLOADS, {}, limit=100)
    assert len(records) == 100
    assert {r.partition for r in records} == set(range(TOPICS[UPLOADS]))


def test_topics_do_not_mix(log: EventLog) -> None:
    log.publish(UPLOADS, messages("a", "b"))
    log.publish(UPLOADS_DEAD, messages("c"))
    assert [(r.key, r.topic, r.partition, r.offset) for r in read_all(log, UPLOADS_DEAD)] == [("c", UPLOADS_DEAD, 0, 0)]


def test_an_empty_topic_has_nothing_to_read(log: EventLog) -> None:
    assert read_all(log) == []
    assert log.watermarks(UPLOADS) == {partition: Watermarks(0, 0) for partition in range(TOPICS[UPLOADS])}
    log.publish(UPLOADS, [])
    assert log.watermarks(UPLOADS)[0] == Watermarks(0, 0)


@pytest.mark.parametrize("offset", [3, -1])
def test_an_offset_outside_the_log_is_refused(log: EventLog, offset: int) -> None:
    log.publish(UPLOADS_DEAD, messages("a", "b"))
    assert log.read(UPLOADS_DEAD, {0: 2}, limit=10) == [], "the end itself is where the next message will be"
    with pytest.raises(OffsetOutOfRange, match=rf"{UPLOADS_DEAD}.*{offset}"):
        log.read(UPLOADS_DEAD, {0: offset}, limit=10)


def test_an_unknown_topic_is_refused(log: EventLog) -> None:
    with pytest.raises(EventLogError, match="no-such-topic"):
        log.publish("no-such-topic", messages("a"))
    with pytest.raises(EventLogError, match="no-such-topic"):
        log.read("no-such-topic", {}, limit=1)
    with pytest.raises(EventLogError, match="no-such-topic"):
        log.identity("no-such-topic")


def make_anew(url: str) -> None:
    """Delete every topic, and make the log as it was when it was new."""
    if url.startswith("sqlite:"):
        path = Path(url.removeprefix("sqlite://"))
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
    else:
        address = KafkaAddress.parse(url)
        admin = AdminClient({"bootstrap.servers": address.brokers})
        for removal in admin.delete_topics([address.topic(topic) for topic in TOPICS], operation_timeout=30).values():
            removal.result()
    new = open_log(url)
    new.ensure()
    new.close()


def test_a_log_that_was_made_anew_has_another_identity_also_for_those_who_hold_the_old_one(url: str, log: EventLog) -> None:
    log.publish(UPLOADS, messages(*(f"key-{n}" for n in range(20))))
    before = {topic: log.identity(topic) for topic in TOPICS}
    assert None not in before.values()
    log.publish(UPLOADS, messages("more"))
    again = open_log(url)
    assert {topic: again.identity(topic) for topic in TOPICS} == before, "neither time nor messages change it"
    again.close()
    make_anew(url)
    after = {topic: log.identity(topic) for topic in TOPICS}
    assert not set(after.values()) & set(before.values())
    log.publish(UPLOADS, messages("a", "b"))
    new = open_log(url)
    assert {topic: new.identity(topic) for topic in TOPICS} == after
    assert sorted(record.key for record in read_all(log)) == sorted(record.key for record in read_all(new)) == ["a", "b"]
    new.close()


def test_a_reader_of_a_log_that_was_made_anew_reads_all_of_the_new_one_once(url: str, log: EventLog) -> None:
    log.publish(UPLOADS, messages(*(f"old-{n}" for n in range(10))))
    reported: list[str] = []
    old = read_on(log, UPLOADS, {}, of=None, limit=100, warn=reported.append)
    assert (len(old.records), reported) == (10, [])
    make_anew(url)
    log.publish(UPLOADS, messages(*(f"new-{n}" for n in range(40))))
    new = read_on(log, UPLOADS, old.offsets, of=old.log, limit=100, warn=reported.append)
    assert {record.key for record in new.records} == {f"new-{n}" for n in range(40)}
    assert "minio-events is another log" in reported.pop()
    again = read_on(log, UPLOADS, new.offsets, of=new.log, limit=100, warn=reported.append)
    assert (again.records, reported) == ([], [])


def test_a_sound_log_has_nothing_to_report(log: EventLog) -> None:
    log.publish(UPLOADS, messages("a"))
    log.probe()


def test_a_log_that_is_opened_again_goes_on_where_it_was(url: str) -> None:
    first = open_log(url)
    first.publish(UPLOADS_DEAD, messages("a", "b"))
    first.close()
    second = open_log(url)
    second.publish(UPLOADS_DEAD, messages("c"))
    assert [(r.key, r.offset) for r in read_all(second, UPLOADS_DEAD)] == [("a", 0), ("b", 1), ("c", 2)]
    second.close()


def write_batches(url: str, together: Barrier, writer: int) -> None:
    log = open_log(url)
    together.wait()
    for batch in range(BATCHES):
        numbers = range(batch * BATCH, (batch + 1) * BATCH)
        log.publish(UPLOADS, [Message(f"{writer}-{n % 5}", f"{writer}:{n}".encode()) for n in numbers])
    log.close()


def test_several_processes_write_while_one_reads_and_nothing_is_lost_or_doubled(url: str, log: EventLog) -> None:
    together = _spawn.Barrier(WRITERS)
    writers = [_spawn.Process(target=write_batches, args=(url, together, writer)) for writer in range(WRITERS)]
    for process in writers:
        process.start()
    offsets: dict[int, int] = {}
    seen: list[Record] = []
    running = True
    while running:
        running = any(process.is_alive() for process in writers)  # asked before the reads, so that the last ones see it all
        while records := log.read(UPLOADS, offsets, limit=50):
            offsets = next_offsets(records, offsets)
            seen += records
    assert [process.exitcode for process in writers] == [0] * WRITERS
    assert Counter(r.value for r in seen) == Counter(
        f"{writer}:{n}".encode() for writer in range(WRITERS) for n in range(BATCHES * BATCH)
    )
    by_key = defaultdict(list)
    for record in seen:
        by_key[record.key].append(int((record.value or b"").split(b":")[1]))
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


def write_until_killed(url: str, acknowledge: Connection) -> None:
    log = open_log(url)
    batch = 0
    while True:
        log.publish(UPLOADS, [Message(f"key-{n}", f"{batch}:{n}".encode()) for n in range(10)])
        acknowledge.send(batch)
        batch += 1


def test_what_was_published_survives_the_kill_of_its_writer(url: str, log: EventLog) -> None:
    receiving, sending = _spawn.Pipe(duplex=False)
    writer = _spawn.Process(target=write_until_killed, args=(url, sending))
    writer.start()
    sending.close()
    acknowledged = [receiving.recv() for _ in range(20)]
    os.kill(writer.pid or 0, signal.SIGKILL)
    writer.join()
    try:
        while True:
            acknowledged.append(receiving.recv())
    except EOFError:
        pass
    records = read_all(log)
    next_offsets(records, {})
    found = Counter(record.value for record in records)
    assert all(found[f"{batch}:{n}".encode()] == 1 for batch in acknowledged for n in range(10))
    log.publish(UPLOADS, messages("after"))
    next_offsets(read_all(log), {})
