"""The tables of v1 in a snapshot: the same, in whatever order photos and ids are published."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from martian_moments.infrastructure.sql import from_folder
from martian_moments.serving.v1.tables import AT_ROW, ROW_OF, SOLS_OF, prepare, row_of_file

PHOTOS = [
    ("curiosity|v1|1", "curiosity", 1, "MAST", False, "https://mars.example/1.JPG"),
    ("curiosity|v1|2", "curiosity", 1, "MAST", True, "https://mars.example/2.JPG"),
    ("spirit|pds|3", "spirit", 2, "a 'new' camera", True, "https://mars.example/3.IMG"),
]
IDS = [
    ("curiosity|v1|1", 102693, "v1", True),
    ("curiosity|v1|1", 4_200_000, "derived", False),
    ("curiosity|v1|2", 102694, "v1", True),
    ("spirit|pds|3", 4_200_001, "derived", True),
]


@pytest.mark.parametrize("turned", [False, True], ids=["in one order", "in two orders"])
def test_every_photo_has_its_own_id(tmp_path: Path, turned: bool) -> None:
    with duckdb.connect() as connection:
        connection.execute("create schema silver; create schema gold")
        connection.execute("create table silver.dim_cameras (rover varchar, camera varchar, full_name varchar)")
        connection.execute("insert into silver.dim_cameras values ('curiosity', 'MAST', 'Mast Camera')")
        connection.execute(
            "create table photos"
            " (photo_key varchar, rover varchar, sol integer, camera varchar, is_thumbnail boolean, image_url varchar)"
        )
        connection.executemany("insert into photos values (?, ?, ?, ?, ?, ?)", PHOTOS)
        connection.execute(f"copy photos to '{tmp_path}' (format parquet, partition_by (rover), overwrite_or_ignore)")
        connection.execute(f"create view silver.fact_photos as from {from_folder(tmp_path)}")
        connection.execute("create table gold.photo_ids (photo_key varchar, id integer, method varchar, is_current boolean)")
        connection.executemany("insert into gold.photo_ids values (?, ?, ?, ?)", IDS[::-1] if turned else IDS)
        paths = {"silver/fact_photos": sorted(tmp_path.rglob("*.parquet"))}
        prepare(connection, paths)
        found = connection.execute("select id, rover, sol, camera, in_v1, image_url from v1.photos order by id").fetchall()
        sols = {rover: connection.execute(SOLS_OF, [rover]).fetchall() for rover in ("curiosity", "spirit")}
        of_rover = connection.execute("select id from v1.photos where rover = 'spirit'").fetchall()
        (held,) = connection.execute(ROW_OF, {"id": 4_200_001}).fetchall()
        at_row = connection.execute(AT_ROW, row_of_file(held[0], paths)).fetchall()
        former = connection.execute("select * from v1.former_ids").fetchall()
        (stranger,) = connection.execute("select full_name, id > 100 from v1.cameras where rover = 'spirit'").fetchall()
    assert found == [
        (102693, "curiosity", 1, "MAST", True, "https://mars.example/1.JPG"),
        (102694, "curiosity", 1, "MAST", True, "https://mars.example/2.JPG"),
        (4_200_001, "spirit", 2, "a 'new' camera", False, "https://mars.example/3.IMG"),
    ]
    assert sols == {"curiosity": [(1, 2, ["MAST"])], "spirit": []}
    # The rover leaves one file to be read, in which the number of a row is that of another one's.
    assert of_rover == [(4_200_001,)]
    assert at_row == [("spirit", 2, "a 'new' camera", "https://mars.example/3.IMG")]
    assert former == [(4_200_000, 102693)]
    assert stranger == ("a 'new' camera", True)
