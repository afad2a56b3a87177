"""The pictures in docs/, taken from the running platform: ``make screenshots``.

A platform with a home of its own ingests a small generated Mars. Then the upstream fails most requests while one run asks
for the newest sols of a rover again, so that some of its partitions fail and others do not. Chromium looks at the pages.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import explorer_views
import orjson
from dagster import AssetPartitionStatus, DagsterInstance
from PIL import Image

from martian_moments.defs.assets.lake import photos_key
from martian_moments.defs.partitions import keys, sols_of
from martian_moments.domain.rovers import ROVERS
from martian_moments.events.log import INGESTION_REQUESTS, Message
from martian_moments.operations import demo_movie
from martian_moments.operations.demo import CONFIG, environment
from martian_moments.operations.platform import RunningPlatform, find_running
from martian_moments.pipelines.moment_files import moment_key
from martian_moments.pipelines.movies import POSTER
from martian_moments.replica.faults import Fault, FaultPlan
from martian_moments.replica.running import RunningReplica, running
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.browser import PROGRAMS, Browser, chromium, installed

DOCS: Final = Path(__file__).resolve().parent
ROVER: Final = "curiosity"
ASKED_AGAIN: Final = (20, 39)
"""Sols of the run that meets the failing upstream."""

STORM: Final = FaultPlan(share=0.8, kinds=(Fault.ERROR_503, Fault.DROPPED))
"""A request is asked four times, so that two in five fail in the end."""

POSTER_WIDTH: Final = 960
"""Pixels of the poster in docs/."""

PATIENCE_S: Final = 900.0
QUIET_S: Final = 8.0
"""How long a page must have looked the same before its picture is taken."""


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture.

    Attributes:
        name: of the file.
        path: of the page, with its query.
        width: of the window, in pixels.
        height: of the window, in pixels.
        click: an XPath of what is clicked when the page has settled, before the picture.
    """

    name: str
    path: str
    width: int
    height: int
    click: str = ""


# The web interface keeps in the address which groups of the graph are open.
OPEN_GROUPS: Final = ",".join(f"global@global:{group}" for group in (*ROVERS, "mission"))

LINEAGE: Final = Shot("lineage", f"/asset-groups?expanded={OPEN_GROUPS}", 1600, 1400)
PLOT: Final = Shot(
    "asset",
    "/assets/silver/fact_path?view=overview",
    1600,
    1200,
    click="(//tr[contains(., 'picture')]//*[.='[Show Markdown]'])[last()]",
)
MOVIE: Final = Shot(
    "movie",
    f"/assets/moments/movie?view=overview&partition={demo_movie.MOMENT}",
    1600,
    1200,
    click="(//tr[contains(., 'poster')]//*[.='[Show Markdown]'])[last()]",
)


def main() -> None:
    """Take every picture."""
    program = installed()
    if program is None:
        sys.exit(f"no browser was found; install one of {', '.join(PROGRAMS)}")
    with tempfile.TemporaryDirectory() as home, running(CONFIG) as replica, platform(Path(home), replica) as url:
        wait_until("everything is ingested", settled)
        with chromium(program) as browser:
            keep(picture_of(browser, url, LINEAGE), LINEAGE)
            keep(picture_of(browser, url, PLOT), PLOT)
            make_movie(Path(home))
            keep(picture_of(browser, url, MOVIE), MOVIE)
            explorer_views.take(browser, service(Path(home)), DOCS)
            replica.control.faults(STORM)
            ask_again()
            wait_until("some sols have failed", lambda: bool(failed_sols(Path(home))) and settled())
            partitions = f"/assets/lake/{ROVER}/photos?view=partitions&partition={failed_sols(Path(home))[0]}"
            failures = Shot("partitions", partitions, 1600, 1100)
            keep(picture_of(browser, url, failures), failures)


def make_movie(home: Path) -> None:
    """Have the demonstration's movie made; its poster is docs/moment.jpg."""
    resources = Resources(Settings.load())
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        demo_movie.ask(resources, instance)
        wait_until("the movie is there", lambda: demo_movie.where(resources, instance) is not None)
    wait_until("everything is published", settled)
    poster = Image.open(io.BytesIO(resources.lake.get(moment_key(demo_movie.MOMENT, POSTER))))
    poster.thumbnail((POSTER_WIDTH, POSTER_WIDTH))
    poster.save(DOCS / "moment.jpg", quality=85)


def failed_sols(home: Path) -> list[str]:
    """The failed partitions of the rover's photos, in order."""
    with DagsterInstance.from_config(str(home / "dagster")) as instance:
        first, last = ASKED_AGAIN
        status = instance.get_status_by_partition(photos_key(ROVER), keys(range(first, last + 1)), sols_of(ROVER))
    return sorted(key for key, state in (status or {}).items() if state is AssetPartitionStatus.FAILED)


def keep(picture: bytes, shot: Shot) -> None:
    """Write a picture into docs/."""
    (DOCS / f"{shot.name}.png").write_bytes(picture)
    print(f"docs/{shot.name}.png: {len(picture) / 1_000:.0f} kB")


@contextlib.contextmanager
def platform(home: Path, replica: RunningReplica) -> Iterator[str]:
    """A platform on the replica; gives the address of its web interface."""
    os.environ |= environment(home, replica.addresses) | {"MARS_UI_PORT": "0", "MARS_SERVE_PORT": "0"}
    process = subprocess.Popen([cli(), "up"])
    try:
        wait_until("the platform is ready", lambda: process.poll() is not None or find_running(home) is not None)
        state: RunningPlatform | None = find_running(home)
        if state is None or state.url is None:
            sys.exit("the platform did not start; what it said stands above")
        yield state.url
    finally:
        process.terminate()
        process.wait()


def service(home: Path) -> str:
    """The address of the platform's service."""
    state: RunningPlatform | None = find_running(home)
    if state is None or state.service_url is None:
        sys.exit("the platform runs without its service; unset MARS_SERVE")
    return state.service_url


def cli() -> str:
    """The command martian-moments of this environment."""
    return str(Path(sys.executable).with_name("martian-moments"))


def settled() -> bool:
    """Whether the platform says that it has settled."""
    response = subprocess.run([cli(), "status", "--json"], stdout=subprocess.PIPE, check=True)
    return bool(json.loads(response.stdout)["settled"])


def ask_again() -> None:
    """Ask for sols that the lake holds already, as another program would; returns when the platform has begun."""
    first, last = ASKED_AGAIN
    request = {"schema": 1, "rover": ROVER, "first_sol": first, "last_sol": last, "refetch": True}
    Resources(Settings.load()).event_log.publish(INGESTION_REQUESTS, [Message("screenshots", orjson.dumps(request))])


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    """Wait for a condition; end the program when it does not come true."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            sys.exit(f"waited {PATIENCE_S:.0f} s in vain until {what}")
        time.sleep(1)
    print(what)


def picture_of(browser: Browser, url: str, shot: Shot) -> bytes:
    """Open a page, wait until it looks the same for a while, and return it as PNG."""
    browser.open(url + shot.path, width=shot.width, height=shot.height)
    settle(browser)
    if shot.click:
        found = f"document.evaluate({json.dumps(shot.click)}, document, null, XPathResult.FIRST_ORDERED_NODE_TYPE)"
        if not browser.evaluate(f"Boolean({found}.singleNodeValue)"):
            sys.exit(f"{shot.path} shows nothing like {shot.click}; look at the page and mend the path")
        browser.evaluate(f"{found}.singleNodeValue.click()")
        settle(browser)
    return browser.picture()


def settle(browser: Browser) -> None:
    """Wait until a page looks the same for a while."""
    seen, since = b"", time.monotonic()
    deadline = since + PATIENCE_S
    while time.monotonic() - since < QUIET_S and time.monotonic() < deadline:
        time.sleep(0.5)
        now = browser.picture()
        if now != seen:
            seen, since = now, time.monotonic()


if __name__ == "__main__":
    main()
