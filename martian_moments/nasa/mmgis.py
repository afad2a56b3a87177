"""NASA's MMGIS map server: the path that a rover drove (traverse) and the places where it stood (waypoints).

Static GeoJSON files whose properties change names and types without notice, with null geometries at times. So a collection
with a list of features is all that is required here; the models downstream read the features tolerantly, and say which
of them they could not read. Perseverance's legs say from where to where they go and on which sol; Curiosity's say only how
long they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.documents import Document, Header, Kind, fingerprint_of
from martian_moments.domain.errors import InputError
from martian_moments.domain.rovers import ROVERS
from martian_moments.nasa.responses import Response, a_sol

if TYPE_CHECKING:
    from collections.abc import Hashable

    from martian_moments.nasa.http import PoliteClient

SOURCE: Final = "mmgis"


class MMGIS:
    """The map server.

    Args:
        client: asks.
        url: the server's address up to and including ``/mmgis-maps``.
    """

    name: Final = SOURCE

    def __init__(self, client: PoliteClient, url: str) -> None:
        self._client = client
        self._url = url

    @staticmethod
    def serves(rover: str) -> bool:
        """Whether the server has maps of this rover."""
        return ROVERS[rover].mmgis is not None

    async def traverse(self, rover: str) -> Document:
        """The path driven, one feature per leg.

        An empty collection gives ``complete=False``: the file holds the whole path, so losing all of it is a fault of the
        server, and what the lake has must not give way to it.

        Raises:
            InputError: the server has no maps of this rover.
            UpstreamUnavailable: no response.
            BrokenResponse: a response that is no collection of features.
        """
        return await self._document(Kind.TRAVERSE, rover)

    async def waypoints(self, rover: str) -> Document:
        """The places where the rover stood, one feature per position. Emptiness and errors as for :meth:`traverse`."""
        return await self._document(Kind.WAYPOINTS, rover)

    async def _document(self, kind: Kind, rover: str) -> Document:
        if not self.serves(rover):
            raise InputError(f"MMGIS has no maps of {rover}; ask for a rover that it serves")
        response, collection = await self._client.get(address(self._url, rover, kind), _collection)
        features = collection["features"]
        return Document(
            Header(
                kind=kind,
                rover=rover,
                source=SOURCE,
                sol=None,
                fetched_at=response.fetched_at,
                fingerprint=fingerprint_of(features),
                record_count=len(features),
                promised=None,
                complete=bool(features),
                requests=(response.url,),
                synthetic=collection.get("synthetic") is True,
            ),
            (response.body,),
        )


def address(url: str, rover: str, kind: Kind) -> str:
    """The address of a map of a rover that the server has."""
    mission = ROVERS[rover].mmgis
    return f"{url.rstrip('/')}/{mission}/Layers/json/{mission}_{kind}.json"


def sols(document: Document) -> list[int]:
    """The sols that the features of a map name. Curiosity's legs name none."""
    named = []
    for page in document.parsed_pages():
        for feature in page.get("features", ()):
            match feature:
                case {"properties": {"sol": sol}}:
                    named.append(a_sol(sol))
    return [sol for sol in named if sol is not None]


def records(document: Document) -> list[Hashable]:
    """Which record each feature of a map is, whatever else it says of it: by its motion counters, else by its content."""
    return [_identity(feature) for page in document.parsed_pages() for feature in page.get("features", ())]


def _identity(feature: object) -> Hashable:
    match feature:
        case {"properties": {"RMC": str(at)}} if at:
            return at
        case {"properties": {"fromRMC": str(start), "toRMC": str(end)}} if start and end:
            return start, end
        case _:
            return fingerprint_of(feature)


def _collection(response: Response) -> tuple[Response, dict[str, Any]]:
    """The response, and its collection with those features that can be read."""
    response, collection = response.json_object()
    features = collection.get("features")
    if collection.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise response.broken("no GeoJSON FeatureCollection")
    read, odd = response.readable(features, _feature)
    if odd and not read:
        raise response.broken(odd[0])
    return response, collection | {"features": read}


def _feature(feature: object) -> object:
    """A feature. Raises ValueError."""
    match feature:
        case {"properties": dict() | None}:
            return feature
        case _:
            raise ValueError(f"a feature without properties: {str(feature)[:80]}")
