"""The ids of photos, through all that may happen to a picture, its documents and the warehouse."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from martian_moments.domain.documents import Document, Kind, decode_text, encode
from martian_moments.warehouse.base import PHOTO_IDS, BronzeObject
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments_tests.unit.dbt.conftest import OF_CHANGED_DOCUMENTS, Project, bronze_object, photos
from martian_moments_tests.unit.dbt.test_photo_changes import steps

ALL = ("--select", "+photo_ids", "--exclude", "resource_type:test", "resource_type:unit_test")
CHANGED = ("--select", *OF_CHANGED_DOCUMENTS, "photo_ids", *ALL[2:])

FIRST = "FLB_486265257EDR_F0481570FHAZ00323M_"
SMALL = "FLB_486265257EDR_T0481570FHAZ00323M_"
"""The thumbnail of the same picture."""
REPROCESSED = "FLB_486265257EDR_F0481570FHAZ00323M1"
"""Another version of the first."""
OTHER = "FRB_486265257EDR_F0481570FHAZ00323M_"


def of_v1(sol: int, files: Mapping[int, str], *, rover: str = "curiosity", hours: float = 0) -> BronzeObject:
    records = [{"id": number, "sol": sol, "img_src": f"http://x/{file}.JPG"} for number, file in files.items()]
    return photos(rover, sol, records, hours=hours)


def of_msl(sol: int, *files: str, hours: float = 0) -> BronzeObject:
    records = [{"id": 1_000 * sol + n, "sol": sol, "https_url": f"https://x/{file}.JPG"} for n, file in enumerate(files)]
    body = json.dumps({"items": records}).encode()
    count = len(files)
    return bronze_object(Kind.PHOTOS, "curiosity", body, source="msl", sol=sol, count=count, promised=count, hours=hours)


def given(built: Project) -> dict[str, int]:
    """The current id of every photo, by the name of its file."""
    rows = built.query(
        """
        select split_part(split_part(photos.image_url, '/', -1), '.', 1), ids.id
        from silver.photo_records as photos
        left join gold.photo_ids as ids on photos.photo_key = ids.photo_key and ids.is_current
        """
    )
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def leads_to(built: Project, number: int) -> tuple[str | None, str, bool]:
    """Where a number leads, how it was given, and whether it is the photo's own."""
    (row,) = built.query(f"select photo_key, method, is_current from gold.photo_ids where id = {number}")
    return row


def publish(built: Project) -> Published:
    published = Published((built.path.parent / "published").as_uri())
    built.warehouse.publish(published, [each for each in published_models() if (each.schema, each.name) == PHOTO_IDS])
    return published


@pytest.fixture(scope="module")
def story(project: Callable[[], Project]) -> Project:
    """A warehouse to which more happens in every test, in the order of this file."""
    made = project()
    made.warehouse.load([of_msl(10, FIRST, SMALL, OTHER)])
    made.build(*ALL)
    return made


@pytest.fixture(scope="module")
def at_first(story: Project) -> dict[str, int]:
    return given(story)


def test_a_photo_that_v1_never_had_gets_a_number_of_31_bits_that_follows_from_its_file(at_first: dict[str, int]) -> None:
    # By hand: the first 32 bits of the MD5 of "curiosity|" and the name, modulo 2^31 - 5242880, plus 5242880.
    assert at_first == {FIRST: 1442330795, SMALL: 308444284, OTHER: 2088862608}


def test_a_picture_that_v1_numbered_has_that_number_and_the_one_before_still_leads_to_it(
    story: Project, at_first: dict[str, int]
) -> None:
    story.warehouse.load([of_v1(10, {102693: FIRST, 102850: REPROCESSED, 517434: "UNKNOWN_TO_MSL"})])
    story.build(*CHANGED)
    # 102850 is of a version that nobody else has: it leads to the picture.
    assert given(story) == at_first | {FIRST: 102693}
    first = "curiosity|msl|10000"
    assert leads_to(story, 102693) == (first, "v1", True)
    assert leads_to(story, at_first[FIRST]) == (first, "derived", False)
    assert leads_to(story, 102850) == (first, "v1", False)
    assert leads_to(story, 517434) == (None, "v1", False)


def test_the_numbers_stay_when_another_source_reports_the_pictures(story: Project, at_first: dict[str, int]) -> None:
    story.warehouse.load([of_msl(10, hours=1)])
    story.build(*CHANGED)
    assert given(story) == {FIRST: 102693, REPROCESSED: 102850, "UNKNOWN_TO_MSL": 517434}
    assert leads_to(story, 102693) == ("curiosity|v1|102693", "v1", True)
    assert leads_to(story, at_first[FIRST]) == ("curiosity|v1|102693", "derived", False)
    # Nobody reports the other two pictures any more.
    assert leads_to(story, at_first[OTHER]) == (None, "derived", False)
    story.warehouse.load([of_msl(10, OTHER, FIRST, SMALL, hours=2)])
    story.build(*CHANGED)
    assert given(story) == at_first | {FIRST: 102693}


def test_a_number_that_two_rovers_have_is_that_of_the_first_and_one_of_ours_is_never_taken_away(
    story: Project, at_first: dict[str, int]
) -> None:
    ours = at_first[OTHER]
    story.warehouse.load(
        [of_v1(3, {102693: "2F126468064EDN0000P1001L0M1-BR", ours: "2F126468064EDN0000P1001R0M1-BR"}, rover="spirit")]
    )
    story.build(*CHANGED)
    rows = story.query("select id, product, method, is_current from gold.photo_ids where rover = 'spirit' order by product")
    assert [row[1:] for row in rows] == [
        ("2F126468064EDN0000P1001L0M1", "derived", True),
        ("2F126468064EDN0000P1001R0M1", "derived", True),
    ]
    assert not {102693, ours} & {row[0] for row in rows}
    assert leads_to(story, 102693)[0] == "curiosity|msl|10001"
    assert leads_to(story, ours)[0] == "curiosity|msl|10000"


def test_a_new_warehouse_goes_on_with_the_numbers_that_are_published(story: Project, at_first: dict[str, int]) -> None:
    whole = "select * from gold.photo_ids order by id"
    before = story.query(whole)
    published = publish(story)
    story.path.unlink()
    assert story.warehouse.ensure(published)
    assert story.query(whole) == before
    # v1's document is not there any more, and the first picture keeps v1's number all the same.
    story.warehouse.load(
        [of_msl(10, OTHER, FIRST, SMALL, hours=2), of_msl(11, "0010MR0000000000000000001E01_DXXX", hours=2)]
    )
    story.build(*ALL)
    after = given(story)
    assert {file: after[file] for file in (FIRST, SMALL, OTHER)} == at_first | {FIRST: 102693}
    assert {row[0] for row in before} < {row[0] for row in story.query(whole)}


def test_a_number_that_is_taken_gives_way_to_the_next_one_that_is_kept_free(project: Callable[[], Project]) -> None:
    built = project()
    # Every digest leads to the same number.
    crowded = ("--vars", json.dumps({"photo_ids": {"hosts": [], "first": 1000, "first_of_names": 2000, "below": 2001}}))
    built.warehouse.load([of_msl(1, "0001MR0000000000000000001E01_DXXX", "0001MR0000000000000000002E01_DXXX")])
    built.build(*ALL, *crowded)
    assert sorted(given(built).values()) == [1000, 2000]
    before = given(built)
    built.warehouse.load(
        [of_msl(2, "0002MR0000000000000000001E01_DXXX", "0002MR0000000000000000002E01_DXXX"), of_v1(3, {7: "A"})]
    )
    built.build(*CHANGED, *crowded)
    assert given(built) == before | {
        "0002MR0000000000000000001E01_DXXX": 1001,
        "0002MR0000000000000000002E01_DXXX": 1002,
        "A": 7,
    }


@pytest.mark.parametrize("turned", [False, True], ids=["as it is written", "addresses behind photos"])
def test_the_numbers_of_a_mirror_are_not_those_of_v1(project: Callable[[], Project], turned: bool) -> None:
    built = project()
    hosts = ("https://mirror.example/api/v1", "https://api.nasa.gov/mars-photos/api/v1", "http://api.nasa.gov.example/x")
    for sol, host in enumerate(hosts, 1):
        header = replace(of_v1(sol, {sol: f"FILE_{sol}"}).header, requests=(f"{host}/rovers/curiosity/photos?sol={sol}",))
        record = {"id": sol, "sol": sol, "img_src": f"http://x/FILE_{sol}.JPG", "requests": ["https://api.nasa.gov/x"]}
        text = decode_text(header.key, encode(Document(header, (json.dumps({"photos": [record]}).encode(),))))
        fields = json.loads(text).items()
        text = json.dumps(dict(reversed(fields) if turned else fields), separators=(",", ":")).encode()
        built.warehouse.load([BronzeObject(header.key, "e", header, text)])
    built.build(*ALL)
    assert [number for number in given(built).values() if number < 1_000] == [2]


def test_after_any_sequence_of_documents_each_photo_has_one_number_and_none_was_given_to_another(
    project: Callable[[], Project],
) -> None:
    built = project()
    ever: dict[int, tuple[str, str]] = {}
    for step, documents in enumerate(steps(seed=15)):
        built.warehouse.load(documents)
        built.build(*(CHANGED if step else ALL))
        keys = {key for (key,) in built.query("select photo_key from silver.photo_records")}
        current = built.query("select photo_key, id from gold.photo_ids where is_current")
        assert len(current) == len(keys)
        assert {key for key, _ in current} == keys
        rows = built.query("select id, rover, method from gold.photo_ids")
        now = {number: (rover, method) for number, rover, method in rows}
        assert len(now) == len(rows)
        assert ever.items() <= now.items()
        ever = now
    assert {method for _, method in ever.values()} == {"v1", "derived"}
