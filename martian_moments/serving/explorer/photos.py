"""The photos of a rover in blocks of sols: ``data/<rover>/photos/<first sol of the block>.json``."""
# ruff: noqa: S608 - all SQL is of this package.

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from martian_moments.serving.explorer.columns import Document, columns, rows, texts
from martian_moments.serving.local_time import CLOCK

if TYPE_CHECKING:
    import duckdb

BLOCK_SOLS: Final = 10
"""Sols of a block: some thousand photos, 100 kB on their way."""

_PHOTOS: Final = f"""
    select
        source, substr(photo_key, length(rover) + length(source) + 3) as id, photos.sol,
        camera, source_camera, product_type as type, is_thumbnail as thumbnail, color_kind as color,
        {CLOCK} as lmst, lmst_method, epoch_ms(taken_at_utc) as utc_ms, taken_at_method as utc_method,
        round(taken_at_uncertainty_s, 1) as utc_uncertainty_s, is_time_disputed as time_disputed,
        site, drive, location_method, location_quality, round(location_uncertainty_m, 1) as location_uncertainty_m,
        sequence_id as sequence, width_px as width, height_px as height,
        round(view_azimuth_deg, 1) as azimuth, round(view_elevation_deg, 1) as elevation,
        round(fov_h_deg, 1) as fov_h, round(fov_v_deg, 1) as fov_v, view_method,
        round(sun_azimuth_deg, 1) as sun_azimuth, round(sun_elevation_deg, 1) as sun_elevation,
        round(solar_longitude_deg, 1) as solar_longitude, caption, credit,
        image_url as url, image_url_small as url_small, image_url_full as url_full, witnesses.sources, witnesses.sols_apart
    from silver.fact_photos photos
    left join (
        select product_identity, string_agg(distinct source, ' ' order by source) as sources, max(sols_apart) as sols_apart
        from gold.photo_provenance where rover = $1 and sol between $2 - 2 and $3 + 2 group by product_identity
    ) witnesses using (product_identity)
    where rover = $1 and photos.sol between $2 and $3
    order by photos.sol, taken_at_utc, photo_key
"""

_STEREO: Final = """
    select camera, left_photo_key, right_photo_key, round(baseline_m, 3) as baseline_m, site, drive
    from gold.stereo_pairs where rover = ? and sol between ? and ? order by taken_at_utc, pair_id
"""

_PANORAMAS: Final = """
    select p.panorama_id as id, p.sol, p.camera, p.frames, p.site, p.drive, p.is_full_circle as full_circle,
        round(p.coverage_deg, 1) as coverage_deg, round(p.azimuth_from_deg, 1) as azimuth_from,
        round(p.azimuth_to_deg, 1) as azimuth_to, list(f.photo_key order by f.taken_at_utc, f.photo_key) as photos
    from gold.panoramas p join gold.panorama_frames f using (panorama_id)
    where p.rover = ? and p.sol between ? and ? group by all order by coverage_deg desc, id
"""

_SEQUENCES: Final = """
    select s.image_sequence_id as id, s.sol, s.camera, s.frames, s.site, s.drive, round(s.step_s, 1) as step_s,
        round(s.view_azimuth_deg, 1) as azimuth, round(s.view_elevation_deg, 1) as elevation,
        list(f.photo_key order by f.taken_at_utc, f.photo_key) as photos
    from gold.image_sequences s join gold.image_sequence_frames f using (image_sequence_id)
    where s.rover = ? and s.sol between ? and ? group by all order by frames desc, id
"""


def blocks(connection: duckdb.DuckDBPyConnection, rover: str) -> list[int]:
    """The first sols of the blocks in which a rover has photos, ascending."""
    found = rows(
        connection,
        "select distinct sol // ? * ? as first from gold.photo_summary where rover = ?",
        BLOCK_SOLS,
        BLOCK_SOLS,
        rover,
    )
    return sorted(row["first"] for row in found)


def photos(connection: duckdb.DuckDBPyConnection, rover: str, first: int) -> Document:
    """The photos of a block in the order in which they were taken, and the observations that they make together.

    A photo's key is ``<rover>|<source>|<id>``. Observations name their photos by the place in the list.
    """
    last = first + BLOCK_SOLS - 1
    listed = columns(connection, _PHOTOS, rover, first, last)
    names = zip(texts(listed["source"], listed["rows"]), texts(listed["id"], listed["rows"]), strict=True)
    place = {f"{rover}|{source}|{name}": at for at, (source, name) in enumerate(names)}
    stereo = columns(connection, _STEREO, rover, first, last)
    for side in ("left", "right"):
        stereo[side] = [place.get(key or "") for key in texts(stereo.pop(f"{side}_photo_key"), stereo["rows"])]
    return {
        "rover": rover,
        "first_sol": first,
        "last_sol": last,
        "photos": listed,
        "stereo_pairs": stereo,
        "panoramas": _placed(columns(connection, _PANORAMAS, rover, first, last), place),
        "sequences": _placed(columns(connection, _SEQUENCES, rover, first, last), place),
    }


def _placed(observations: Document, place: dict[str, int]) -> Document:
    """Observations with the places of their photos; one of another block is left out."""
    found = observations["photos"]
    lists = [found["all"]] * observations["rows"] if isinstance(found, dict) else found
    return {**observations, "photos": [[place[key] for key in keys if key in place] for keys in lists]}
