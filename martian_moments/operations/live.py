"""The check-up of the live endpoints: one request to each, and whether its response still has the fields that are known.

Responses are small but for v1's manifest, which only comes whole. Maps and paths are files of up to a megabyte, so that only
their beginning is asked for; each index of the archive is represented by its label. A server that ignores the range sends
the whole file, which is read alike.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.documents import Kind
from martian_moments.domain.errors import InputError, MartianError
from martian_moments.domain.rovers import ROVERS, read_seed
from martian_moments.nasa import feed, m20, mer, mmgis, msl, pds, v1
from martian_moments.nasa.pds_label import read_label
from martian_moments.nasa.responses import Response
from martian_moments.nasa.sources import sources_of
from martian_moments.operations.doctor import Finding
from martian_moments_dbt import PROJECT

if TYPE_CHECKING:
    from martian_moments.nasa.http import PoliteClient
    from martian_moments.resources import Resources

_BEGINNING: Final = {"Range": "bytes=0-16383"}
"""Enough for the first feature of a map and the first lines of a table."""


def _fields(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _known(dialect: str) -> tuple[frozenset[str], frozenset[str]]:
    """The fields of a dialect's records that the models cannot do without, and all that were ever seen."""
    rows = _rows(dialect)
    return frozenset(row["name"] for row in rows if row["is_needed"] == "true"), frozenset(row["name"] for row in rows)


def _instead(dialect: str) -> dict[str, str]:
    """The fields that stand for needed ones in the file of the other mission."""
    return {row["name"]: row["instead"] for row in _rows(dialect) if row["instead"]}


def _rows(dialect: str) -> list[dict[str, str]]:
    return [row for row in read_seed(PROJECT, "known_fields") if row["dialect"] == dialect]


_LATEST: Final = _fields("latest latest_sols new_count sol_count type error_message synthetic")
_V1_MANIFEST_NEEDED: Final = _fields("photos.sol photos.total_photos")
_V1_MANIFEST_KNOWN: Final = _fields(
    "name landing_date launch_date status max_sol max_date total_photos photos.earth_date photos.cameras"
)
_NOT_ON_DESCENT: Final = _fields("PATH_NAME FILE_NAME ROVER_MOTION_COUNTER")
"""The descent volumes lack these."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of an upstream, and what its response is known to have.

    Attributes:
        what: names it in the report.
        url: the question.
        read: the names of the fields in a response; dotted inside another field. Raises BrokenResponse.
        needed: fields that the models read.
        known: other fields that were ever seen.
        headers: sent with the question.
        instead: the field that stands for a needed one in the file of the other mission.
    """

    what: str
    url: str
    read: Callable[[Response], set[str]]
    needed: frozenset[str]
    known: frozenset[str] = frozenset()
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    instead: Mapping[str, str] = field(default_factory=dict)

    def drift(self, found: set[str]) -> list[str]:
        """What is missing and what is new."""
        missing = sorted(name for name in self.needed - found if self.instead.get(name) not in found)
        unknown = sorted(found - self.needed - self.known)
        reported = [f"missing fields: {', '.join(missing)}"] if missing else []
        return [*reported, f"unknown fields: {', '.join(unknown)}"] if unknown else reported


def check_live(resources: Resources) -> Iterator[Finding]:
    """Ask every endpoint of the settings' sources and rovers, one after the other at the polite client's rate."""
    asked = list(endpoints(resources))
    yield from asyncio.run(_ask_all(resources, asked))


def endpoints(resources: Resources) -> Iterator[Endpoint]:
    """What there is to ask for the sources and rovers of the settings."""
    upstream, rovers = resources.settings.upstream, resources.settings.rovers
    sources = {
        source: [rover for rover in rovers if source in sources_of(rover, resources.settings.sources)]
        for source in resources.settings.sources
    }
    if sources.get(m20.SOURCE):
        latest, newest = (feed.address(upstream.m20_url, question) for question in (m20.LATEST, m20.NEWEST))
        yield Endpoint("m20 latest", latest, _top_level, _fields("latest_sol total"), _LATEST)
        yield Endpoint("m20 images", newest, _first_of("images"), *_known(m20.SOURCE))
    if sources.get(msl.SOURCE):
        yield Endpoint("msl items", feed.address(upstream.msl_url, msl.NEWEST), _first_of("items"), *_known(msl.SOURCE))
    for rover in sources.get(pds.SOURCE, ()):
        yield from _volumes(upstream.pds_url, rover)
    for rover in sources.get(v1.SOURCE, ())[:1]:
        yield from _v1(upstream.v1_url, upstream.key, rover)
    for rover in rovers:
        yield from _maps(upstream.mmgis_url, upstream.mer_traverse_url, rover)


def _volumes(pds_url: str, rover: str) -> Iterator[Endpoint]:
    read, known = _known(pds.SOURCE)
    for volume in pds.VOLUMES[rover]:
        needed = read - _NOT_ON_DESCENT if volume == pds.VOLUMES[rover][-1] else read
        url = f"{pds.index_address(pds_url, rover, volume)}.lbl"
        yield Endpoint(f"pds label of {volume}", url, _label, needed, known)


def _v1(v1_url: str, api_key: str | None, rover: str) -> Iterator[Endpoint]:
    headers = v1.key_header(api_key)
    manifest, photos = v1.manifest_address(v1_url, rover), f"{v1.photos_address(v1_url, rover)}?sol=1&page=1"
    yield Endpoint(f"v1 manifest of {rover}", manifest, _v1_manifest, _V1_MANIFEST_NEEDED, _V1_MANIFEST_KNOWN, headers)
    yield Endpoint(f"v1 photos of {rover}", photos, _first_of("photos"), *_known(v1.SOURCE), headers)


def _maps(mmgis_url: str, mer_url: str, rover: str) -> Iterator[Endpoint]:
    if ROVERS[rover].mmgis is None:
        yield Endpoint(f"path of {rover}", mer.address(mer_url, rover), _columns, *_known(mer.SOURCE), _BEGINNING)
        return
    for kind in (Kind.TRAVERSE, Kind.WAYPOINTS):
        url, dialect = mmgis.address(mmgis_url, rover, kind), f"{mmgis.SOURCE} {kind}"
        yield Endpoint(f"{kind} of {rover}", url, _first_feature, *_known(dialect), _BEGINNING, _instead(dialect))


async def _ask_all(resources: Resources, asked: list[Endpoint]) -> list[Finding]:
    async with resources.nasa.client() as client:
        return [await _ask(client, endpoint) for endpoint in asked]


async def _ask(client: PoliteClient, endpoint: Endpoint) -> Finding:
    try:
        found = await client.get(endpoint.url, endpoint.read, headers=endpoint.headers)
    except MartianError as error:
        return Finding(endpoint.what, ok=False, detail=str(error))
    drift = endpoint.drift(found)
    return Finding(endpoint.what, ok=not drift, detail="; ".join(drift) or f"{len(found)} fields, all known")


def _names(record: Mapping[str, Any]) -> set[str]:
    """The names of a record's fields; of a field that is an object, the names inside it."""
    nested = {f"{name}.{inner}" for name, value in record.items() if isinstance(value, dict) for inner in value}
    return nested | {name for name, value in record.items() if not isinstance(value, dict)}


def _top_level(response: Response) -> set[str]:
    return set(response.json_object()[1])


def _first_of(array: str) -> Callable[[Response], set[str]]:
    def read(response: Response) -> set[str]:
        records = response.json_object()[1].get(array)
        if not isinstance(records, list) or not records or not isinstance(records[0], dict):
            raise response.broken(f"no {array}")
        return _names(records[0])

    return read


def _v1_manifest(response: Response) -> set[str]:
    manifest = response.json_object()[1].get("photo_manifest")
    if isinstance(manifest, dict):
        rows = manifest.get("photos")
        if isinstance(rows, list) and rows and isinstance(rows[0], dict):
            return _names(manifest | {"photos": rows[0]})
    raise response.broken("no photo_manifest with a list of photos")


def _text(response: Response) -> str:
    if response.status not in {HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT}:
        raise response.broken("an error instead of a file")
    return response.body.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")


def _first_feature(response: Response) -> set[str]:
    text = _text(response)
    features = text.find('"features"')
    start = text.find("{", text.find('"properties"', features)) if features >= 0 else -1
    try:
        properties, _ = json.JSONDecoder().raw_decode(text, max(start, 0))
    except json.JSONDecodeError as error:
        raise response.broken("no GeoJSON whose first feature has properties") from error
    if start < 0 or not isinstance(properties, dict):
        raise response.broken("no GeoJSON whose first feature has properties")
    return set(properties)


def _columns(response: Response) -> set[str]:
    lines = _text(response).splitlines()
    try:
        columns = {name.strip().upper() for name in mer.fields_of(lines[0] if lines else "")}
    except ValueError as error:
        raise response.broken(str(error)) from error
    if not columns >= {"SITE", "DRIVE"}:
        raise response.broken("no table with SITE and DRIVE")
    return columns


def _label(response: Response) -> set[str]:
    if response.status != HTTPStatus.OK:
        raise response.broken("an error instead of a label")
    try:
        return set(read_label(response.body).columns)
    except InputError as error:
        raise response.broken(f"a label that {error}") from error
