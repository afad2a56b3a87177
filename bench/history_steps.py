"""The steps of the history benchmark: ``python -m bench.history_steps STEP HOME [SOLS]``, each in a process of its own."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.dbt_builds import dbt_build
from bench.upstream import ROVER, real_counts
from martian_moments.dagster_runtime.warm_dbt import IMPORTS, dbt_waiting
from martian_moments.infrastructure.without_pandas import do_without_pandas

if TYPE_CHECKING:
    from martian_moments.domain.documents import Document
    from martian_moments.replica.archive import Archive
    from martian_moments.resources import Resources

_OBSERVATIONS: Final = frozenset(
    f"model.martian_moments.{name}"
    for name in (
        *("stops", "stereo_pairs", "panoramas", "panorama_frames", "image_sequences", "image_sequence_frames"),
        *("photo_changes", "photo_versions", "observed_frames"),
    )
)
"""What one picture alone does not show."""

_RESULTS: Final = ("LogModelResult", "LogTestResult", "LogSeedResult")
"""What dbt calls the events that tell how long a node took."""

_HELD_BACK: Final = "held_back"
"""The folder, beside the lake, of the document that arrives later: Curiosity's newest sol."""


def generate(home: Path, sols: str) -> dict[str, int]:
    """Make the lake as v1 would fill it: every rover's manifest and its first sols with photos, or ``all``."""
    from martian_moments.domain.documents import encode
    from martian_moments.replica.archive import open_archive
    from martian_moments.replica.config import ReplicaConfig

    archive = open_archive(ReplicaConfig(sols=None if sols == "all" else int(sols), counts=real_counts()))
    for document in _documents(archive):
        file = home / "lake" / document.header.key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(document))
    return {}


def hold_back(home: Path) -> dict[str, int]:
    """Take Curiosity's newest sol out of the lake until it arrives; how many sols with photos and photos are left."""
    lake = _resources(home).lake
    headers = {key: header for key, header in lake.heads("photos").items() if header.record_count}
    newest = max(key for key in headers if f"rover={ROVER}/" in key)
    file = home / _HELD_BACK / newest
    file.parent.mkdir(parents=True)
    (home / "lake" / newest).rename(file)
    del headers[newest]
    return {"sols": len(headers), "photos": sum(header.record_count for header in headers.values())}


def _documents(archive: Archive) -> Iterator[Document]:
    """Every manifest and sol as v1 sends them."""
    from martian_moments.domain.documents import Kind
    from martian_moments.replica.archive import PhotoQuery

    for rover, history in archive.histories.items():
        yield _document(Kind.MANIFEST, rover, None, archive.manifest(rover).body, 1)
        for sol, ids in history.photo_ids():
            yield _document(Kind.PHOTOS, rover, sol, archive.photos(rover, PhotoQuery(sol=sol)).body, len(ids))


def _document(kind: Any, rover: str, sol: int | None, body: bytes, records: int) -> Document:
    import hashlib

    from martian_moments.domain.documents import Document, Header

    header = Header(
        kind=kind,
        rover=rover,
        source="v1",
        sol=sol,
        fetched_at=datetime.now(UTC),
        fingerprint=hashlib.sha256(body).hexdigest(),
        record_count=records,
        promised=records,
        complete=True,
        requests=(f"https://api.nasa.gov/mars-photos/api/v1/rovers/{rover}/{kind}?sol={sol}",),
        synthetic=True,
    )
    return Document(header, (body,))


def load(home: Path) -> dict[str, int]:
    """Load what bronze does not hold, and publish the ledger."""
    from martian_moments.pipelines import load as loading
    from martian_moments.warehouse.base import LEDGER

    resources = _resources(home)
    done = loading.load(resources.lake, resources.warehouse, resources.lake.list())
    resources.warehouse.publish(resources.published, [LEDGER])
    return {"loaded": len(done.report.loaded)}


def build(home: Path) -> dict[str, float]:
    """``dbt build`` as a worker of the platform runs it, tests included: dbt's time without its imports, and its peak."""
    import_module(IMPORTS)
    with dbt_waiting():
        resources = _resources(home)
        began = time.perf_counter()
        events = dbt_build(resources, "--exclude", "resource_type:unit_test")
        seconds = time.perf_counter() - began
    took = {
        event["data"]["node_info"]["unique_id"]: event["data"]["execution_time"]
        for event in events
        if event["info"]["name"] in _RESULTS
    }
    observed = sum(took[node] for node in _OBSERVATIONS)
    peak_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1_000
    return {"seconds": seconds, "peak_mb": peak_mb, "nodes": len(took), "observations_s": round(observed, 3)}


def publish(home: Path) -> dict[str, float]:
    """Publish every model, imports included: how many tables and files were written, and seconds of the processor."""
    from martian_moments.warehouse.models import published_models

    resources = _resources(home)
    before = resources.published.manifest()
    changed = resources.warehouse.publish(resources.published, published_models())
    after = resources.published.manifest()
    held = {file.etag for _, file in before.files()} if before else set()
    written = [file for _, file in after.files() if file.etag not in held] if after else []
    return {"tables": len(changed), "files": len(written), "publish_cpu_s": round(time.process_time(), 3)}


def draw(home: Path) -> dict[str, float]:
    """Make the page of every table as if all had changed, imports of what draws included: seconds of the processor."""
    from martian_moments.defs.plots.pages import pages
    from martian_moments.warehouse.models import published_models

    published = _resources(home).published
    began = time.process_time()
    made = pages(published, published_models())
    seconds = time.process_time() - began
    return {"pictures": sum("picture" in page for page in made.values()), "draw_cpu_s": round(seconds, 3)}


def open_formats(home: Path) -> dict[str, int]:
    """Make what the published tables are as open formats."""
    from martian_moments.formats.export import OPEN_FORMATS, export

    published = _resources(home).published
    return {"written": sum(len(export(published, each).written) for each in OPEN_FORMATS)}


def arrive(home: Path) -> dict[str, int]:
    """The sol that was held back appears in the lake."""
    for file in (home / _HELD_BACK).rglob("*.gz"):
        file.rename(home / "lake" / file.relative_to(home / _HELD_BACK))
    return {}


def count(home: Path) -> dict[str, int]:
    """The photos that readers see."""
    summary = _resources(home).published.read("gold", "rover_summary", ["photos"])
    return {"photos": 0 if summary is None else sum(summary["photos"].to_pylist())}


def _resources(home: Path) -> Resources:
    from martian_moments.resources import Resources
    from martian_moments.settings import Settings

    return Resources(Settings.load(home=home))


STEPS: Final[dict[str, Callable[..., Mapping[str, float]]]] = {
    step.__name__: step for step in (generate, hold_back, load, build, publish, draw, open_formats, arrive, count)
}


def main() -> None:
    """Do one step, as a worker of the platform would, and print what it did."""
    do_without_pandas()
    name, home, *arguments = sys.argv[1:]
    print(json.dumps(STEPS[name](Path(home), *arguments)))


if __name__ == "__main__":
    main()
