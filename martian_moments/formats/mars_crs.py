"""The coordinate reference system of every place: longitude and latitude on the sphere of Mars.

Without it a file of a GIS claims to be of the Earth. It stands here because only PROJ knows it, which the tests have.
"""

from __future__ import annotations

from typing import Any, Final

MARS_CRS_CODE: Final = "IAU_2015:49900"
"""As GDAL, PROJ and the projection extension of STAC name it. 49900 is planetocentric and east-positive, as silver is."""

MARS_CRS: Final[dict[str, Any]] = {
    "$schema": "https://proj.org/schemas/v0.7/projjson.schema.json",
    "type": "GeographicCRS",
    "name": "Mars (2015) - Sphere / Ocentric",
    "datum": {
        "type": "GeodeticReferenceFrame",
        "name": "Mars (2015) - Sphere",
        "anchor": "Viking 1 lander: 47.95137 W",
        "ellipsoid": {"name": "Mars (2015) - Sphere", "radius": 3_396_190},
        "prime_meridian": {"name": "Reference Meridian", "longitude": 0},
    },
    "coordinate_system": {
        "subtype": "ellipsoidal",
        "axis": [
            {"name": "Geodetic latitude", "abbreviation": "Lat", "direction": "north", "unit": "degree"},
            {"name": "Geodetic longitude", "abbreviation": "Lon", "direction": "east", "unit": "degree"},
        ],
    },
    "id": {"authority": "IAU", "code": 49900, "version": 2015},
}
"""PROJJSON, as GeoParquet has it. Files have longitude first whatever the order of the axes here: GeoParquet says so."""

GEOJSON_CRS: Final = {"type": "name", "properties": {"name": "urn:ogc:def:crs:IAU:2015:49900"}}
"""The same as the member ``crs`` of GeoJSON. RFC 7946 has given it up, but without it GDAL takes places for the Earth's."""
