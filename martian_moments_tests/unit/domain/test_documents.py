from __future__ import annotations

import contextlib
import gzip
import json
import zlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from martian_moments.domain.documents import (
    Coordinates,
    Document,
    Kind,
    coordinates,
    decode,
    decode_header,
    decode_text,
    encode,
    fingerprint_of,
    header_from_text,
    object_key,
    prefix_of,
    quarantine_key,
    sol_key,
)
from martian_moments.domain.errors import DocumentError, InputError
from martian_moments_tests.builders import photos_document

KEY = "photos/rover=curiosity/source=v1/sol=01000.json.gz"
KEYS = {
    KEY: Coordinates(Kind.PHOTOS, "curiosity", "v1", 1000),
    "manifests/rover=spirit/source=v1/manifest.json.gz": Coordinates(Kind.MANIFEST, "spirit", "v1"),
    "traverse/rover=perseverance/traverse.json.gz": Coordinates(Kind.TRAVERSE, "perseverance"),
    "traverse/rover=perseverance/waypoints.json.gz": Coordinates(Kind.WAYPOINTS, "perseverance"),
}


def altered(**fields: object) -> bytes:
    """A document's bytes with some header fields changed; a field set to ``...`` is taken out."""
    content = json.loads(gzip.decompress(encode(photos_document()))) | fields
    pages = content.pop("pages")
    content = {name: value for name, value in content.items() if value is not ...}
    return gzip.compress(json.dumps({**content, "pages": pages}, separators=(",", ":")).encode(), mtime=0)


@pytest.mark.parametrize("key", KEYS)
def test_keys_are_laid_out_as_designed_and_read_back(key: str) -> None:
    assert object_key(KEYS[key]) == key
    assert coordinates(key) == KEYS[key]
    at = KEYS[key]
    assert key.startswith(prefix_of(at.kind, at.rover, at.source))


@pytest.mark.parametrize(
    "key",
    [
        "", "photos/", f"quarantine/{KEY}", f"/{KEY}", f"{KEY}#1", f"{KEY}\n", KEY.replace("01000", "1000"),
        KEY.replace("01000", "\u0661\u0662\u0663\u0664\u0665"), KEY.replace("v1", "\u00e9"), KEY.replace("v1", "v1/x"),
        "published/gold/t/t.parquet", "index/rover=spirit/volume=1/edrindex.tab",
    ],
)  # fmt: skip
def test_other_objects_have_no_coordinates(key: str) -> None:
    assert coordinates(key) is None
    with pytest.raises(DocumentError):
        decode_header(key, encode(photos_document()))


@pytest.mark.parametrize(
    "at",
    [
        Coordinates(Kind.PHOTOS, "curiosity", "v1"),
        Coordinates(Kind.PHOTOS, "curiosity", None, 1),
        Coordinates(Kind.MANIFEST, "curiosity"),
        Coordinates(Kind.PHOTOS, "curiosity", "v1", 100_000),
        Coordinates(Kind.PHOTOS, "curiosity", "v1", -1),
        Coordinates(Kind.PHOTOS, "Curiosity", "v1", 1),
        Coordinates(Kind.PHOTOS, "curiosity", "a/../b", 1),
        Coordinates(Kind.MANIFEST, "curiosity", "m-20"),
        Coordinates(Kind.TRAVERSE, "curiosity", None, 1),
    ],
)
def test_no_key_is_made_that_no_reader_would_recognise(at: Coordinates) -> None:
    with pytest.raises(InputError):
        object_key(at)


def test_sol_keys_sort_as_sols() -> None:
    keys = [sol_key(sol) for sol in (0, 9, 10, 890, 99_999)]
    assert keys == sorted(keys) == ["00000", "00009", "00010", "00890", "99999"]


def test_a_broken_response_is_kept_outside_the_announced_folders() -> None:
    key = quarantine_key(KEYS[KEY])
    assert KEY in key
    assert coordinates(key) is None


def test_a_document_is_gzipped_json_with_the_designed_fields_in_order() -> None:
    body = encode(replace(photos_document(), header=replace(photos_document().header, synthetic=True)))
    assert body[4:8] == bytes(4), "a modification time of zero"
    assert list(json.loads(gzip.decompress(body))) == [
        "schema", "kind", "rover", "sol", "source", "fetched_at", "fingerprint", "record_count", "promised", "complete",
        "requests", "synthetic", "pages",
    ]  # fmt: skip
    assert "synthetic" not in json.loads(gzip.decompress(encode(photos_document())))


def test_equal_documents_have_equal_bytes() -> None:
    assert encode(photos_document()) == encode(photos_document())


PAGES = (
    b'{"n":1.50,"big":123456789012345678901234567890,"e":1E+2,"text":"]}, \\u00e9 \xc3\xa9 \\"pages\\":["}',
    b"\n [ 1 , 2 ] \r\n",
    b"[]",
    b"{}",
    b'"text"',
    b"null",
    b"-0.0",
)


@pytest.mark.parametrize("pages", [(), PAGES[:1], PAGES], ids=["none", "one", "several"])
def test_pages_come_back_as_the_upstream_wrote_them(pages: tuple[bytes, ...]) -> None:
    document = photos_document(pages=pages)
    back = decode(KEY, encode(document))
    assert back.header == document.header
    assert back.pages == tuple(page.strip() for page in pages)


def test_real_responses_come_back_byte_by_byte(real_payloads: Path) -> None:
    pages = tuple(path.read_bytes().strip() for path in sorted(real_payloads.glob("v1_photos_*.json")))
    assert len(pages) == 7
    document = photos_document(pages=pages)
    body = encode(document)
    assert decode(KEY, body) == document
    assert decode_header(KEY, body[:4096]) == document.header
    assert header_from_text(KEY, decode_text(KEY, body)) == document.header


@pytest.mark.parametrize("at", KEYS.values(), ids=lambda at: str(at.kind))
def test_headers_of_every_kind_come_back(at: Coordinates) -> None:
    header = replace(
        photos_document().header, kind=at.kind, rover=at.rover, source=at.source or "mmgis", sol=at.sol, synthetic=True
    )
    assert header.key == object_key(at)
    assert decode(header.key, encode(Document(header, (b"{}",)))).header == header
    assert decode_header(header.key, encode(Document(header, (b"{}",)))) == header


def test_parsed_pages_are_values() -> None:
    assert photos_document(pages=(b'{"a":1}', b"[2]")).parsed_pages() == [{"a": 1}, [2]]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not a whole gzip file|no document header"),
        (b"<html>", "gzip"),
        (encode(photos_document())[:-1], "whole gzip"),
        (encode(photos_document())[:30], "whole gzip"),
        (gzip.compress(b'{"schema":1', mtime=0), "not JSON"),
        (gzip.compress(b"[1]", mtime=0), "list, not an object"),
        (altered(schema=2), "schema 2 is newer than this release"),
        (altered(sol=1001), "belongs under photos/rover=curiosity/source=v1/sol=01001"),
        (altered(sol=None), "header is broken"),
        (altered(sol=-1), "header is broken"),
        (altered(rover="../x"), "header is broken"),
        (altered(kind="movies"), "header is broken"),
        (altered(fetched_at="yesterday"), "header is broken"),
        (altered(fetched_at="2026-04-01T12:00:00"), "no time zone"),
        (altered(fingerprint=...), "header is broken"),
        (altered(requests=None), "header is broken"),
        (altered(record_count="many"), "header is broken"),
    ],
)
def test_a_broken_document_says_which_object_and_why(body: bytes, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason) as caught:
        decode(KEY, body)
    assert KEY in str(caught.value)


def test_a_document_without_pages_is_broken() -> None:
    header = json.loads(gzip.decompress(encode(photos_document())))
    del header["pages"]
    with pytest.raises(DocumentError, match="no pages"):
        decode(KEY, gzip.compress(json.dumps(header).encode(), mtime=0))


@given(st.data())
def test_damage_of_any_kind_is_a_document_error(data: st.DataObject) -> None:
    inside = data.draw(st.booleans(), label="damage the JSON and not the gzip file around it")
    body = bytearray(gzip.decompress(encode(photos_document())) if inside else encode(photos_document()))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(1, len(body))) :]
    for read in (decode, decode_header):
        with contextlib.suppress(DocumentError):
            read(KEY, gzip.compress(body, mtime=0) if inside else bytes(body))


def test_json_that_is_nested_too_deep_is_a_document_error() -> None:
    with pytest.raises(DocumentError, match="not JSON"):
        decode(KEY, gzip.compress(b"[" * 100_000, mtime=0))


def test_a_header_is_found_wherever_it_ends() -> None:
    urls = tuple(f"https://upstream.example/photos?page={n}" for n in range(2_000))
    document = photos_document(requests=urls)
    assert decode_header(KEY, encode(document)) == document.header
    with pytest.raises(DocumentError, match="no document header in its first 200 bytes"):
        decode_header(KEY, encode(document)[:200])


def test_a_header_of_an_incompressible_document_needs_its_beginning_only() -> None:
    noise = zlib.compress(b"seed").hex().encode() * 1000
    document = photos_document(pages=(b'"' + noise + b'"',))
    assert decode_header(KEY, encode(document)[:1024]) == document.header


def test_a_fingerprint_does_not_depend_on_the_order_of_keys() -> None:
    # SHA-256 of {"a":[1,2],"b":null}, computed with sha256sum.
    digest = "f25109c4111335e4a32d49373585e7a788ff5b10e70023f7004b170e7f84716a"
    assert fingerprint_of({"b": None, "a": [1, 2]}) == fingerprint_of({"a": [1, 2], "b": None}) == digest
    assert fingerprint_of({"a": [2, 1], "b": None}) != digest


@pytest.mark.parametrize(
    ("records", "promised_then", "promised_now", "satisfied"),
    [
        (3, 3, 3, True),
        (3, 3, 2, True),
        (3, 3, 4, False),
        (2, 3, 3, False),
        (2, 3, 2, True),
        (0, 0, 0, True),
        (0, 0, 5, False),
        (3, None, 3, True),
        (3, None, 4, False),
        (3, None, None, True),
        (2, 3, None, False),
    ],
)
def test_a_document_is_measured_by_what_its_source_promises_now(
    records: int, promised_then: int | None, promised_now: int | None, satisfied: bool
) -> None:
    assert photos_document(records=records, promised=promised_then).header.satisfies(promised_now) is satisfied


@pytest.mark.parametrize(
    ("records", "repeats", "complete", "satisfied"),
    [(3, 0, True, True), (2, 1, True, True), (2, 0, False, False), (2, None, True, False), (3, None, True, True)],
    ids=["distinct", "repeats of one page", "repeats of other pages", "nobody recorded which", "an older document"],
)
def test_distinct_records_and_the_repeats_that_the_source_counts_reach_the_promise(
    records: int, repeats: int | None, *, complete: bool, satisfied: bool
) -> None:
    header = replace(photos_document(records=records, promised=3).header, complete=complete, repeats=repeats)
    assert header.satisfies(3) == header.satisfies(None) == header.whole == satisfied
    assert not header.satisfies(4)


@pytest.mark.parametrize("repeats", [None, 0, 2])
def test_repeats_come_back_and_a_document_without_them_says_so(repeats: int | None) -> None:
    document = replace(photos_document(), header=replace(photos_document().header, repeats=repeats))
    assert decode(KEY, encode(document)) == document
    assert ("repeats" in json.loads(gzip.decompress(encode(document)))) == (repeats is not None)


def test_the_moment_of_fetching_keeps_its_microseconds_and_zone() -> None:
    moment = datetime(2026, 4, 1, 12, 0, 0, 123456, tzinfo=UTC)
    text = gzip.decompress(encode(photos_document(fetched_at=moment)))
    assert b'"fetched_at":"2026-04-01T12:00:00.123456Z"' in text


def test_pages_nested_deeper_than_python_follows_are_no_document() -> None:
    deep = b"[" * 1_000 + b"]" * 1_000
    with pytest.raises(DocumentError, match="nested too deep"):
        decode(KEY, encode(photos_document(pages=(deep,))))
