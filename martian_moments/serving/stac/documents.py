"""The documents of STAC API: landing page, collections, items and pages of items, with absolute links."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote, urlencode

from martian_moments.formats.mars_crs import GEOJSON_CRS
from martian_moments.formats.stac import catalog_of, collection_of, mirrors, title_of
from martian_moments.serving.stac.items import Page

JSON: Final = "application/json"
GEOJSON: Final = "application/geo+json"

_API: Final = "https://api.stacspec.org/v1.0.0"

CONFORMANCE: Final = (
    f"{_API}/core",
    f"{_API}/collections",
    f"{_API}/ogcapi-features",
    f"{_API}/ogcapi-features#query",
    f"{_API}/ogcapi-features#sort",
    f"{_API}/item-search",
    f"{_API}/item-search#query",
    f"{_API}/item-search#sort",
)
"""What the service holds. Not the classes of OGC API Features themselves: they promise coordinates of the Earth (CRS84)."""

_OF_FIELDS: Final = frozenset(
    {"type", "stac_version", "stac_extensions", "id", "collection", "assets", "longitude", "latitude", "elevation_m"}
)
"""Columns of ``stac.items`` that are not properties."""


class Addresses:
    """The absolute addresses of the service, as the one who asks has called it."""

    def __init__(self, base_url: str) -> None:
        self.base = base_url.rstrip("/")
        self.stac = f"{self.base}/stac"

    def collection(self, name: str) -> str:
        """Of a collection."""
        return f"{self.stac}/collections/{quote(name, safe='')}"

    def item(self, collection: str, name: str) -> str:
        """Of an item."""
        return f"{self.collection(collection)}/items/{quote(name, safe='')}"


def landing_page(at: Addresses, rovers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The landing page, given rows of ROVERS_WITH_PHOTOS."""
    links = [
        _link("root", at.stac),
        _link("self", at.stac),
        _link("conformance", f"{at.stac}/conformance"),
        _link("data", f"{at.stac}/collections"),
        _link("search", f"{at.stac}/search", GEOJSON) | {"method": "GET"},
        _link("search", f"{at.stac}/search", GEOJSON) | {"method": "POST"},
        _link("service-desc", f"{at.base}/openapi.json", "application/vnd.oai.openapi+json;version=3.1"),
        _link("service-doc", f"{at.base}/docs", "text/html"),
        *(_link("child", at.collection(row["rover"])) | {"title": title_of(row)} for row in rovers),
    ]
    return {**catalog_of(links), "conformsTo": [*CONFORMANCE]}


def collection(at: Addresses, row: Mapping[str, Any]) -> dict[str, Any]:
    """A rover's collection."""
    rover = row["rover"]
    links = [
        _link("root", at.stac),
        _link("parent", at.stac),
        _link("self", at.collection(rover)),
        _link("items", f"{at.collection(rover)}/items", GEOJSON),
    ]
    return collection_of(row, mirrors(row, f"{at.base}/published/stac/{rover}"), links)


def collections(at: Addresses, rovers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All collections."""
    links = [_link("root", at.stac), _link("self", f"{at.stac}/collections")]
    return {"collections": [collection(at, row) for row in rovers], "links": links}


def item(at: Addresses, row: Mapping[str, Any]) -> dict[str, Any]:
    """An item, of a row of ``stac.items``; a field of which nothing is known is left out, but not ``datetime``."""
    of = at.collection(row["collection"])
    placed = None not in (row["longitude"], row["latitude"])
    corner = [row["longitude"], row["latitude"]]
    height = [] if row["elevation_m"] is None else [row["elevation_m"]]
    return {
        **{name: row[name] for name in ("type", "stac_version", "stac_extensions", "id", "collection")},
        "geometry": {"type": "Point", "coordinates": corner + height} if placed else None,
        **({"bbox": corner * 2} if placed else {}),
        "properties": {
            name: value
            for name, value in row.items()
            if name not in _OF_FIELDS and (value is not None or name == "datetime")
        },
        "assets": {name: asset for name, asset in row["assets"].items() if asset is not None},
        "links": [
            _link("root", at.stac),
            _link("parent", of),
            _link("collection", of),
            _link("self", at.item(row["collection"], row["id"]), GEOJSON),
        ],
    }


def page_by_get(at: Addresses, path: str, given: Mapping[str, str], page: Page) -> dict[str, Any]:
    """A page of items that was asked for by GET; its next page is another address."""
    here = f"{at.base}{path}"
    following = f"{here}?{urlencode({**given, 'token': page.token})}"
    return _page(at, page, f"{here}?{urlencode(given)}" if given else here, {"href": following, "method": "GET"})


def page_by_post(at: Addresses, path: str, given: Mapping[str, Any], page: Page) -> dict[str, Any]:
    """A page of items that was asked for by POST; its next page is the same address with another body."""
    here = f"{at.base}{path}"
    return _page(at, page, here, {"href": here, "method": "POST", "body": {**given, "token": page.token}})


def _page(at: Addresses, page: Page, here: str, following: Mapping[str, Any]) -> dict[str, Any]:
    links: list[Mapping[str, Any]] = [_link("root", at.stac), _link("self", here, GEOJSON)]
    if page.token is not None:
        links.append({"rel": "next", "type": GEOJSON, **following})
    return {
        "type": "FeatureCollection",
        "crs": GEOJSON_CRS,
        "features": [item(at, row) for row in page.items],
        "links": links,
        "numberMatched": page.matched,
        "numberReturned": len(page.items),
    }


def _link(relation: str, href: str, kind: str = JSON) -> dict[str, Any]:
    return {"rel": relation, "href": href, "type": kind}
