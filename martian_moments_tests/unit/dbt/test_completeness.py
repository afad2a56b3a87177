"""Which sols are whole, short or missing: gold.photo_gaps says of every sol what the lake's own view says of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from martian_moments.domain.coverage import Coverage, Gap, LakeView, State
from martian_moments.domain.documents import Document, Header, Kind
from martian_moments.nasa.sources import read_promises, sources_of
from martian_moments.warehouse.base import BronzeObject
from martian_moments.warehouse.bronze import as_arrow
from martian_moments.warehouse.duckdb import CATALOG
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object

LAST_SOL = 8
LIST = {"m20": "images", "msl": "items", "pds": "lines", "v1": "photos"}
PREFERRED = ("m20", "msl", "pds", "v1")
ROVERS = ("curiosity", "perseverance", "opportunity")


@dataclass(frozen=True)
class Reported:
    """What a document reports about itself: of this release, or of the one before, which recorded no repeats."""

    records: int
    promised: int
    repeats: int = 0
    elsewhere: int = 0
    is_old: bool = False

    def document(self, rover: str, source: str, sol: int) -> BronzeObject:
        made = bronze_object(
            Kind.PHOTOS,
            rover,
            json.dumps({LIST[source]: []}).encode(),
            source=source,
            sol=sol,
            count=self.records,
            promised=self.promised,
            complete=self.records + self.repeats + (self.elsewhere if self.is_old else 0) >= self.promised,
        )
        return replace(made, header=replace(made.header, repeats=None if self.is_old else self.repeats))


@st.composite
def reports(draw: st.DrawFn) -> Reported:
    """Whole in one of the ways there are, or short; few numbers, so that those of two sources are often equal."""
    few = st.sampled_from([0, 0, 1, 2])
    records, repeats, elsewhere = draw(st.sampled_from([0, 1, 3, 4, 5, 6])), draw(few), draw(few)
    promised = draw(st.sampled_from([records, records + repeats, records + repeats + elsewhere, 7]))
    return Reported(records, promised, repeats, elsewhere, draw(st.booleans()))


@dataclass(frozen=True)
class Source:
    """A source of one rover: what its manifest promises, None where the lake has none, and its documents by sol."""

    promises: dict[int, int] | None
    documents: dict[int, Reported]

    def objects(self, rover: str, name: str) -> Iterator[BronzeObject]:
        if self.promises is not None:
            yield bronze_object(Kind.MANIFEST, rover, manifest(name, self.promises), source=name)
        yield from (reported.document(rover, name, sol) for sol, reported in self.documents.items())


def by_sol(of_a_sol: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[int, Any]]:
    """Of most sols something, of some nothing."""
    of_every_sol = st.lists(st.one_of(of_a_sol, of_a_sol, st.none()), min_size=LAST_SOL, max_size=LAST_SOL)
    return of_every_sol.map(
        lambda each: {sol: reported for sol, reported in enumerate(each, start=1) if reported is not None}
    )


SOURCES = st.builds(Source, st.one_of(by_sol(st.integers(3, 7)), st.none()), by_sol(reports()))


def manifest(source: str, counts: dict[int, int]) -> bytes:
    """A manifest. The feeds name their newest sol only, the others the sols that they have photos of."""
    if source == "m20":
        return json.dumps({"latest_sol": LAST_SOL}).encode()
    if source == "msl":
        return json.dumps({"items": [{"id": 1, "sol": LAST_SOL}], "total": 9}).encode()
    if source == "pds":
        return json.dumps({"volumes": [], "sols": [{"sol": sol, "photos": n} for sol, n in counts.items()]}).encode()
    rows = [{"sol": sol, "total_photos": n} for sol, n in counts.items()]
    return json.dumps({"photo_manifest": {"max_sol": max(counts, default=0), "photos": rows}}).encode()


def seen_from_the_lake(objects: Sequence[BronzeObject], rover: str) -> Coverage:
    def view(source: str) -> LakeView:
        own = [each for each in objects if each.header.source == source]
        photos: dict[int, Header] = {each.header.sol: each.header for each in own if each.header.sol is not None}
        promises = [promises_of(each) for each in own if each.header.kind is Kind.MANIFEST]
        return LakeView(rover, source, promises[0] if promises else None, photos)

    return Coverage(rover, [view(source) for source in sources_of(rover, PREFERRED)])


def promises_of(reported: BronzeObject) -> Any:
    pages = json.loads(reported.text)["pages"]
    return read_promises(Document(reported.header, tuple(json.dumps(page).encode() for page in pages)))


@dataclass(frozen=True)
class Models:
    """photo_documents and photo_gaps as views: one build compiles them for every example."""

    connection: duckdb.DuckDBPyConnection

    def show(self, objects: Sequence[BronzeObject]) -> None:
        """Bronze that holds these documents and nothing else."""
        for table, kind in {"raw_photos": Kind.PHOTOS, "raw_manifests": Kind.MANIFEST}.items():
            self.connection.execute(f"delete from bronze.{table}")
            if rows := [each for each in objects if each.header.kind is kind]:
                self.connection.register("batch", as_arrow(rows))
                self.connection.execute(
                    f"insert into bronze.{table} by name select *, ?::timestamptz as loaded_at from batch",
                    [datetime.now(UTC)],
                )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.sql(sql).fetchall()


@pytest.fixture(scope="module")
def models(project: Callable[[], Project]) -> Iterator[Models]:
    mars = project()
    mars.build("--select", "+photo_gaps", "--exclude", "resource_type:test", "resource_type:unit_test")
    compiled = mars.target / "compiled" / "martian_moments" / "models"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{mars.path}' as {CATALOG}; use {CATALOG}; set TimeZone = 'UTC'")
        for name in ("silver/manifest_sols", "silver/photo_documents", "gold/photo_gaps"):
            table = name.replace("/", ".")
            connection.execute(f"drop table {table}")
            connection.execute(f"create view {table} as {(compiled / f'{name}.sql').read_text()}")
        yield Models(connection)


NOTHING = Source({}, {})


def beside(rover: str, *sources: Source) -> dict[str, list[Source]]:
    return {name: list(sources) if name == rover else [NOTHING] * len(PREFERRED) for name in ROVERS}


@pytest.mark.timeout(600)
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.fixed_dictionaries(dict.fromkeys(ROVERS, st.lists(SOURCES, min_size=len(PREFERRED), max_size=len(PREFERRED)))))
# A short document with 6 of 9 beside another source's whole 5, before it and behind it in the order of preference.
@example(beside("opportunity", NOTHING, NOTHING, Source({1: 9}, {1: Reported(6, 9)}), Source({1: 5}, {1: Reported(5, 5)})))
@example(beside("opportunity", NOTHING, NOTHING, Source({1: 5}, {1: Reported(5, 5)}), Source({1: 9}, {1: Reported(6, 9)})))
@example(beside("perseverance", Source({}, {1: Reported(6, 9)}), NOTHING, NOTHING, Source({1: 5}, {1: Reported(5, 5)})))
@example(beside("perseverance", Source({}, {1: Reported(5, 9)}), NOTHING, NOTHING, Source({1: 5}, {1: Reported(5, 5)})))
@example(beside("curiosity", NOTHING, Source({}, {1: Reported(0, 0)}), Source({1: 9}, {1: Reported(6, 9)}), NOTHING))
def test_status_and_gold_choose_the_same_documents_and_miss_the_same_photos(
    models: Models, reported: dict[str, list[Source]]
) -> None:
    objects = [
        each
        for rover, sources in reported.items()
        for name, source in zip(PREFERRED, sources, strict=True)
        if name in sources_of(rover, PREFERRED)
        for each in source.objects(rover, name)
    ]
    models.show(objects)
    seen = [seen_from_the_lake([each for each in objects if each.header.rover == rover], rover) for rover in ROVERS]

    chosen = {(each.rover, sol, view.source) for each in seen for sol in each.sols if (view := each.chosen(sol)) is not None}
    assert set(models.query("select rover, sol, source from silver.photo_documents where is_chosen")) == chosen

    lacking: dict[tuple[str, int], Gap] = {
        (each.rover, sol): gap for each in seen for sol, gap in each.gaps.items() if gap.state is not State.FALLBACK
    }
    rows = models.query("select rover, sol, expected, found, reason from gold.photo_gaps where reason <> 'expected_gap'")
    assert {(rover, sol): tuple(rest) for rover, sol, *rest in rows} == {
        at: (gap.expected, gap.found or 0, gap.state.value) for at, gap in lacking.items()
    }
