from __future__ import annotations

from pathlib import Path

from martian_moments.lake.look import Look
from martian_moments.lake.store import Lake
from martian_moments_tests.unit.conftest import Scripted

KEYS = ["images/rover=spirit/sol=00001.json.gz", "photos/rover=opportunity/a", "photos/rover=opportunity/b", "photos2/c"]


def test_a_look_lists_what_the_lake_listed_when_it_was_first_asked(tmp_path: Path) -> None:
    lake = Lake(tmp_path.as_uri())
    for key in KEYS:
        lake.put_bytes(key, b"{}")
    look = Look(lake)
    assert look.list("photos/") == lake.list("photos/") == look.list("photos")
    lake.put_bytes("photos/rover=opportunity/c", b"{}")
    lake.put_bytes("images/rover=spirit/sol=00002.json.gz", b"{}")
    assert [each.key for each in look.list("photos/rover=opportunity/")] == KEYS[1:3], "as it was"
    assert look.list("photos/rover=opp") == [], "a prefix is a whole folder name, as of the lake"
    assert lake.list("photos/rover=opp") == []
    assert len(look.list("images/")) == 2, "is listed now"
    assert len(Look(lake).list("photos/")) == 3


def test_the_headers_of_a_folder_are_those_that_the_lake_reads(scripted: Scripted) -> None:
    platform = scripted({1: 3, 2: 3})
    platform.photos("spirit", [1, 2, 30])
    platform.photos("curiosity", [2])
    lake = platform.resources.lake
    look = Look(lake)
    for prefix in (
        "photos",
        "photos/",
        "photos/rover=spirit/",
        "photos/rover=spirit/source=v1",
        "photos/rover=sp",
        "images",
    ):
        assert look.heads(prefix) == lake.heads(prefix), prefix
    assert [header.sol for header in look.heads("photos/rover=spirit/").values()] == [1, 2, 30]
    platform.photos("spirit", [3])
    assert len(look.heads("photos/rover=spirit/")) == 3, "as it was"
