"""Writers of one document at the same time, on S3: whoever comes last, what was fetched last stays."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from unittest import mock

import pytest
from obstore.exceptions import PreconditionError

from martian_moments.domain.documents import Document, Header, decode
from martian_moments.domain.errors import LakeError
from martian_moments.lake.store import Lake, ObjectInfo
from martian_moments_tests.buckets import OwnBucket
from martian_moments_tests.builders import FETCHED, photos_document

pytestmark = pytest.mark.services

KEY = photos_document().header.key


def response(number: int) -> Document:
    """The response fetched ``number`` minutes after the first."""
    return photos_document(content=f"{number:x}", fetched_at=FETCHED + timedelta(minutes=number))


def versions(bucket: OwnBucket) -> list[Document]:
    """Every version of the document, the newest first."""
    lake = Lake(bucket.url, s3=bucket.s3)
    found = bucket.client.list_object_versions(Bucket=bucket.name, Prefix=KEY)["Versions"]
    return [decode(KEY, lake.get(KEY, version=each["VersionId"])) for each in found]


def test_of_many_writers_at_once_the_newest_response_stays_and_none_went_back(bucket: OwnBucket) -> None:
    together = threading.Barrier(8)
    announced: list[ObjectInfo] = []

    def write(number: int) -> bool:
        lake = Lake(bucket.url, s3=bucket.s3, announce=announced.append)
        together.wait()
        return lake.put_now(response(number)).changed

    with ThreadPoolExecutor(8) as pool:
        changed = list(pool.map(write, range(8)))
    history = versions(bucket)
    moments = [each.header.fetched_at for each in history]
    assert history[0] == response(7)
    assert moments == sorted(moments, reverse=True)
    assert sum(changed) == len(history) == len(announced)


def overtaken_by(other: Document, bucket: OwnBucket) -> Lake:
    """A lake in which another run writes after each look at what is held, and before the write that follows."""
    faster = Lake(bucket.url, s3=bucket.s3)

    class Overtaken(Lake):
        def _held(self, new: Header) -> tuple[ObjectInfo | None, Document | None]:
            found = super()._held(new)
            faster.put_now(other)
            return found

    return Overtaken(bucket.url, s3=bucket.s3)


@pytest.mark.parametrize("held", [[], [response(0)]], ids=["the first document", "a later one"])
def test_a_writer_that_is_overtaken_compares_anew(bucket: OwnBucket, held: list[Document]) -> None:
    for each in held:
        Lake(bucket.url, s3=bucket.s3).put_now(each)
    assert not overtaken_by(response(5), bucket).put_now(response(4)).changed
    assert overtaken_by(response(5), bucket).put_now(response(6)).changed
    assert versions(bucket) == [response(6), response(5), *held]


def test_a_write_whose_response_was_lost_counts_as_written_and_is_announced(bucket: OwnBucket) -> None:
    announced: list[ObjectInfo] = []
    lake = Lake(bucket.url, s3=bucket.s3, announce=announced.append)
    put = lake._put

    def put_and_be_refused(*arguments: Any) -> None:
        put(*arguments)
        raise PreconditionError("the second PUT finds the object that the first one wrote")

    with mock.patch.object(lake, "_put", put_and_be_refused):
        written = lake.put_now(response(1))
    assert written.changed
    assert [each.etag for each in announced] == [written.etag]
    assert versions(bucket) == [response(1)]


def test_a_writer_that_is_overtaken_every_time_gives_up_with_a_message(bucket: OwnBucket) -> None:
    lake = Lake(bucket.url, s3=bucket.s3)

    def refuse(*_: Any) -> None:
        raise PreconditionError("another one again")

    gives_up = f"{KEY} is being written by others again and again; materialize it again later"
    with mock.patch.object(lake, "_put", refuse), pytest.raises(LakeError, match=gives_up):
        lake.put_now(response(1))
