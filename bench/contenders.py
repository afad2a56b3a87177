"""The contenders of the ingest benchmark: ``python -m bench.contenders NAME WORK`` does the work once, from its imports on.

Each asks for every sol with the same number of requests in flight, and ends with one row per photo in a DuckDB file. All but
dlt, which has no place for them, keep the raw responses as objects in a folder.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from bench.upstream import ROVER, photos_url

PHOTO: Final = {"id": "VARCHAR", "sol": "VARCHAR", "camera": {"name": "VARCHAR", "full_name": "VARCHAR"},
                "img_src": "VARCHAR", "earth_date": "VARCHAR"}  # fmt: skip
"""The fields of a photo that everybody flattens; the staging model of silver reads the same."""


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done.

    Attributes:
        v1_url: where to ask.
        sols: which sols.
        in_flight: how many requests at once.
        folder: an empty folder.
    """

    v1_url: str
    sols: tuple[int, ...]
    in_flight: int
    folder: str

    def arguments(self, contender: str) -> tuple[str, str]:
        """What this module takes on its command line."""
        return contender, json.dumps(asdict(self))


def floor(work: Work) -> int:
    """The floor: GET, PUT as it came, and one statement that flattens what lies there. No checks, no retries, no history."""
    import duckdb
    import httpx
    from obstore.store import LocalStore

    store = LocalStore(work.folder)
    queue = iter(work.sols)

    async def worker(client: httpx.AsyncClient) -> None:
        for sol in queue:
            response = await client.get(photos_url(work.v1_url, sol))
            await store.put_async(f"raw/{sol:05d}.json", response.raise_for_status().content)

    async def ingest() -> None:
        limits = httpx.Limits(max_connections=work.in_flight)
        async with httpx.AsyncClient(limits=limits, trust_env=False) as client, asyncio.TaskGroup() as group:
            for _ in range(work.in_flight):
                group.create_task(worker(client))

    asyncio.run(ingest())
    with duckdb.connect(f"{work.folder}/photos.duckdb") as connection:
        columns = json.dumps({"photos": [PHOTO]})
        connection.execute(
            "create table photos as select unnest(photo, recursive := true) from (select unnest("
            f"from_json(content, '{columns}').photos) as photo from read_text('{work.folder}/raw/*.json'))"
        )
        return _count(connection)


def dlt(work: Work) -> int:
    """A tuned dlt pipeline: parallel async requests, and an Arrow table per sol, which spares dlt its look at every row."""
    import os

    # dlt reads them when it is imported.
    os.environ |= {
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "EXTRACT__MAX_PARALLEL_ITEMS": str(work.in_flight),
        "EXTRACT__WORKERS": str(work.in_flight),
        "DATA_WRITER__BUFFER_MAX_ITEMS": "50000",
        "NORMALIZE__DATA_WRITER__FILE_MAX_ITEMS": "100000",
    }
    import dlt
    import duckdb
    import httpx
    import orjson
    import pyarrow as pa

    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=work.in_flight), trust_env=False)

    columns: dict[str, Callable[[Any], Any]] = {
        "id": lambda record: record["id"],
        "sol": lambda record: record["sol"],
        "camera": lambda record: record["camera"]["name"],
        "camera_full_name": lambda record: record["camera"]["full_name"],
        "img_src": lambda record: record["img_src"],
        "earth_date": lambda record: record["earth_date"],
    }

    @dlt.resource(name="sols")
    def sols() -> Any:
        yield from work.sols

    @dlt.transformer(name="photos", data_from=sols, max_table_nesting=0, write_disposition="append")
    async def photos(sol: int) -> Any:
        response = await client.get(photos_url(work.v1_url, sol))
        records = orjson.loads(response.raise_for_status().content)["photos"]
        return pa.table({name: [str(value(record)) for record in records] for name, value in columns.items()})

    pipeline = dlt.pipeline(
        "mars",
        destination=dlt.destinations.duckdb(f"{work.folder}/photos.duckdb"),
        dataset_name="main",
        pipelines_dir=f"{work.folder}/dlt",
    )
    pipeline.run(photos, loader_file_format="parquet")
    with duckdb.connect(f"{work.folder}/photos.duckdb") as connection:
        return _count(connection)


def pipelines(work: Work) -> int:
    """NASA to the lake: fetch, check, fingerprint, compress, keep, announce; then flatten as the floor does."""
    _fetch(work)
    import duckdb

    with duckdb.connect(f"{work.folder}/photos.duckdb") as connection:
        columns = json.dumps({"pages": f"STRUCT(photos {_sql_type([PHOTO])})[]"})
        connection.execute(
            "create table photos as select unnest(photo, recursive := true) from (select unnest(page.photos) as photo from "
            f"(select unnest(pages) as page from read_json('{work.folder}/lake/photos/**/*.json.gz', "
            f"format = 'unstructured', maximum_object_size = 100000000, columns = {columns})))"
        )
        return _count(connection)


def bronze(work: Work) -> int:
    """The pipelines as the platform uses them: fetch, load the documents into bronze, flatten what lies there."""
    _fetch(work)
    import duckdb

    from martian_moments.pipelines.load import load

    parts = _resources(work)
    load(parts.lake, parts.warehouse, parts.lake.list())
    with duckdb.connect(f"{work.folder}/warehouse.duckdb") as connection:
        structure = json.dumps({"pages": [{"photos": [PHOTO]}]})
        connection.execute(
            "create table photos as select unnest(photo, recursive := true) from (select unnest(page.photos) as photo from "
            f"(select unnest(from_json(document, '{structure}').pages) as page from bronze.raw_photos))"
        )
        return _count(connection)


def _sql_type(shape: Any) -> str:
    """The SQL type that a shape as from_json() takes it stands for."""
    if isinstance(shape, list):
        return f"{_sql_type(shape[0])}[]"
    if isinstance(shape, dict):
        return f"STRUCT({', '.join(f'{name} {_sql_type(of)}' for name, of in shape.items())})"
    return str(shape)


def _resources(work: Work) -> Any:
    from martian_moments.nasa.upstream import Upstream
    from martian_moments.resources import Resources
    from martian_moments.settings import Settings

    return Resources(
        Settings.load(
            home=Path(work.folder),
            sources="v1",
            upstream=Upstream(v1_url=work.v1_url),
            requests_per_minute=1_000_000,
            concurrency=work.in_flight,
            nasa_slots=1,
        )
    )


def _fetch(work: Work) -> list[Any]:
    from martian_moments.pipelines import ingest
    from martian_moments.pipelines.coverage import coverage

    parts = _resources(work)

    async def fetch() -> list[Any]:
        async with parts.nasa.client() as client:
            sources = parts.nasa.photo_sources(client, ROVER)
            for source in sources:
                await ingest.fetch_manifest(source, parts.lake, ROVER)
            known = coverage(parts.lake, ROVER, [each.name for each in sources])
            results = ingest.fetch_sols(sources, parts.lake, known, work.sols, refetch=False, in_flight=work.in_flight)
            return [result.header async for result in results]

    return asyncio.run(fetch())


def _count(connection: Any) -> int:
    return int(connection.execute("select count(*) from photos").fetchone()[0])


CONTENDERS: Final[dict[str, Callable[[Work], int]]] = {"floor": floor, "dlt": dlt, "pipelines": pipelines, "bronze": bronze}


def main() -> None:
    """Do the work, and print how many photos it ended with."""
    name, work = sys.argv[1:]
    fields = json.loads(work)
    photos = CONTENDERS[name](Work(**{**fields, "sols": tuple(fields["sols"])}))
    print(json.dumps({"photos": photos}))


if __name__ == "__main__":
    main()
