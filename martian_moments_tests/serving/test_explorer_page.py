"""The explorer in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from csv import reader
from io import BytesIO
from pathlib import Path
from typing import Final
from urllib.parse import quote

import duckdb
import httpx
import pyarrow.parquet as pq
import pytest

from martian_moments.serving.explorer.page import page_files
from martian_moments_tests.browser import Browser, chromium, installed
from martian_moments_tests.serving.home import ServedHome, running

_AXE: Final = "axe-core@4.14.1"
"""The accessibility engine of Deque (MPL-2.0), which the test fetches: it is no part of this project."""

READY: Final = (
    "document.querySelector('main h1') && !document.querySelector('[role=status]').textContent.includes('Looking')"
)
"""The page has drawn what it has to show."""

ROVER: Final = "perseverance"

Open = Callable[..., Browser]
"""Opens a view of the page, given its query."""


@pytest.fixture(scope="module")
def address(served: ServedHome) -> Iterator[str]:
    """The service, for a program of its own."""
    with running(served.app()) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser, skipped where there is none."""
    program = installed()
    if program is None:
        pytest.skip("no Chromium is installed")
    with chromium(program) as found:
        yield found


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Open]:
    """Opens views; whatever a test does, the page wrote no error and asked no other host."""
    browser.open("about:blank")
    browser.errors.clear()
    browser.requests.clear()

    def opened(query: str = "", **window: int | bool) -> Browser:
        browser.open(f"{address}/explorer/{query}", **window)  # type: ignore[arg-type]
        browser.wait_for(READY)
        return browser

    yield opened
    assert browser.errors == []
    assert [url for url in browser.requests if not url.startswith(address)] == []


def stop_of(page: Open) -> str:
    """A stop of the rover, with photos whose direction is known, as the address names it."""
    found = page(f"?rover={ROVER}").evaluate("document.querySelector('.stop-list a').search")
    return str(dict(part.split("=") for part in found[1:].split("&"))["stop"])


def test_the_first_screen_is_small_and_shows_every_rover(page: Open) -> None:
    shown = page()
    titles = shown.evaluate("[...document.querySelectorAll('.card h2')].map((each) => each.textContent)")
    assert titles == ["Perseverance", "Curiosity", "Opportunity", "Spirit"]
    assert shown.evaluate("document.querySelectorAll('.card.clock b, .card .clock.live b').length") == 2
    sizes = "performance.getEntries().filter((each) => each.transferSize).map((each) => each.transferSize)"
    # Posters of movies lie below it, and are as large as pictures are.
    assert shown.evaluate(f"{sizes}.reduce((a, b) => a + b) - {_posters()}") <= 300_000


def _posters() -> str:
    entries = "performance.getEntriesByType('resource').filter((each) => each.name.includes('/moments/'))"
    return f"{entries}.reduce((sum, each) => sum + each.transferSize, 0)"


def test_an_address_restores_the_view(page: Open) -> None:
    stop = stop_of(page)
    query = f"?rover={ROVER}&sols=1..900&lmst=06:00..18:30&looking=300..60&stop={stop}&map=12.5,-40,0.25&order=oldest"
    shown = page(query)
    assert shown.evaluate("document.querySelector('.panel h2').textContent") == f"Stop {stop.replace('.', ' / ')}"
    inputs = shown.evaluate("[...document.querySelectorAll('fieldset input')].map((each) => each.value)")
    assert inputs[:6] == ["1", "900", "06:00", "18:30", "300", "60"]
    drawn = "JSON.stringify([...document.querySelectorAll('canvas')].map((each) => each.toDataURL()))"
    before = shown.evaluate(drawn)
    assert shown.evaluate("location.search") == query
    assert page(f"?rover={ROVER}").evaluate(drawn) != before
    shown = page(query)
    shown.wait_for(f"{drawn} === {json.dumps(before)}")
    shown.evaluate("document.querySelector('.filters button').click()")
    shown.wait_for("!location.search.includes('sols=')")
    shown.evaluate("history.back()")
    shown.wait_for(f"location.search === {query!r} && document.querySelector('.filters input').value === '1'")


def test_the_keyboard_reaches_everything(page: Open) -> None:
    shown = page(f"?rover={ROVER}")
    shown.press("Tab")
    assert shown.evaluate("document.activeElement.className") == "skip"
    shown.evaluate("document.querySelector('canvas.map').focus()")
    shown.press("ArrowRight")
    shown.wait_for("location.search.includes('stop=')")
    first = shown.evaluate("location.search")
    shown.press("ArrowLeft")
    shown.wait_for(f"location.search !== {first!r}")
    assert shown.evaluate("document.getElementById('announce').textContent").startswith("Site ")
    shown.evaluate("document.querySelector('canvas.heat').focus()")
    shown.press("ArrowLeft")
    shown.press("ArrowLeft", shift=True)
    shown.press("Enter")
    shown.wait_for("location.search.includes('sols=')")
    shown.press("Escape")
    shown.wait_for("!location.search.includes('sols=')")
    shown.evaluate("document.querySelector('.panel .close')?.click()")
    shown.wait_for("document.querySelector('.tile')")
    # Whatever can be clicked is a link, a button, a field, or a chart that listens to keys.
    unreachable = "[...document.querySelectorAll('main *')].filter((each) => each.onclick && each.tabIndex < 0).length"
    assert shown.evaluate(unreachable) == 0


@contextmanager
def nasa_is_silent(browser: Browser) -> Iterator[None]:
    """Whoever opens a photo asks NASA for the picture: here nobody responds, and that is no fault of the page."""
    browser.call("Network.setBlockedURLs", urls=["https://*"])
    try:
        yield
    finally:
        browser.open("about:blank")
        browser.call("Network.setBlockedURLs", urls=[])
        browser.requests[:] = [url for url in browser.requests if not url.startswith("https://")]
        browser.errors[:] = [error for error in browser.errors if "https://" not in error]


def test_a_photo_opens_with_what_is_known_and_closes_by_escape(page: Open, browser: Browser) -> None:
    shown = page(f"?rover={ROVER}")
    with nasa_is_silent(browser):
        shown.evaluate("document.querySelector('.tile').focus()")
        shown.press("Enter")
        shown.wait_for("document.querySelector('dialog[open] #photo-title')")
        shown.wait_for("document.querySelector('dialog .no-picture')")
        # The protocol reports twice what it blocks.
        assert len({url for url in browser.requests if url.startswith("https://")}) == 1
        facts = shown.evaluate("[...document.querySelectorAll('dialog dt')].map((each) => each.textContent)")
        assert {"Mars time", "Earth time", "Camera", "Place", "Known from", "Credit"} <= set(facts)
        link = shown.evaluate("location.search")
        shown.press("ArrowLeft")
        shown.wait_for(f"location.search !== {link!r}")
        shown.press("Escape")
        shown.wait_for("!document.querySelector('dialog[open]') && !location.search.includes('photo=')")


@pytest.mark.parametrize("query", ["", f"?rover={ROVER}", "?rover=curiosity&sols=990..1010"])
def test_a_phone_scrolls_in_one_direction(page: Open, query: str) -> None:
    shown = page(query, width=390, height=844, phone=True)
    assert shown.evaluate("document.documentElement.scrollWidth") == 390


_HOSTILE: Final = "<img src=x onerror=window.broken=1>"


def test_a_camera_with_the_name_of_an_element_is_text_everywhere(page: Open, browser: Browser) -> None:
    # As if a source had named it so: in every data file.
    script = f"""const real = window.fetch;
        window.fetch = async (...given) => {{
            const response = await real(...given);
            return new Response((await response.text()).replaceAll("NAVCAM_LEFT", {json.dumps(_HOSTILE)}), response);
        }};"""
    added = browser.call("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"]
    try:
        shown = page(f"?rover={ROVER}&camera={quote(_HOSTILE)}")
        shown.wait_for(f"document.querySelector('.tile .camera')?.textContent === {json.dumps(_HOSTILE)}")
        with nasa_is_silent(browser):
            shown.evaluate("document.querySelector('.tile').click()")
            shown.wait_for("document.querySelector('dialog[open] h2')")
            assert shown.evaluate("document.querySelectorAll('img[src=x]').length") == 0
            assert shown.evaluate("window.broken") is None
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added)
    assert not [name for name, body in page_files().items() if name.endswith(".js") and b"innerHTML" in body]


def test_a_page_that_comes_too_early_says_so_and_asks_again(page: Open, browser: Browser) -> None:
    script = """const real = window.fetch;
        let early = true;
        window.fetch = (...given) => {
            const problem = new Response(JSON.stringify({detail: "nothing is published yet"}), {status: 503});
            const response = early && given[0].includes("rovers") ? Promise.resolve(problem) : real(...given);
            early = false;
            return response;
        };"""
    added = browser.call("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"]
    try:
        shown = page()
        assert "nothing is published yet" in shown.evaluate("document.querySelector('[role=alert]').textContent")
        shown.wait_for("document.querySelectorAll('.card').length === 4")
    finally:
        browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=added)


def test_a_rover_that_there_is_not_is_said(page: Open) -> None:
    shown = page("?rover=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E")
    assert "no rover of that name" in shown.evaluate("document.querySelector('[role=alert]').textContent")


_QUESTIONS: Final = (
    "sols=1..2000&camera=NAVCAM_LEFT",
    "lmst=11:00..14:30&thumbnails=1",
    "lmst=16:00..11:30&role=navigation",
    "looking=300..60&sun=10..80&order=oldest",
    "type=full&color=rgb&sols=..1000",
    "looking=60..300&sun=..80&order=oldest",
    "thumbnails=1&stop=",
)


_LEFT_BY_STAC: Final = {
    "lmst=11:00..14:30&thumbnails=1": "the time of day",
    "lmst=16:00..11:30&role=navigation": "the time of day",
    "looking=300..60&sun=10..80&order=oldest": "a direction over north",
}
"""What a STAC search cannot say of a question."""


@pytest.mark.parametrize("question", _QUESTIONS)
def test_what_is_copied_asks_for_what_is_shown(page: Open, served: ServedHome, question: str) -> None:
    shown = page(f"?rover={ROVER}&{question}{stop_of(page) if question.endswith('stop=') else ''}")
    shown.evaluate(
        "(async () => { const more = document.querySelector('.more'); while (!more.hidden) { more.click();"
        " await new Promise((done) => setTimeout(done, 20)); } })()"
    )
    shown.wait_for("!document.querySelector('[role=status]').textContent.includes('so far')")
    count = shown.evaluate("document.querySelectorAll('.tile').length")
    assert count > 0
    sql = _copied(shown, "SQL")
    tables = f"{served.home}/published/"
    assert len(duckdb.sql(re.sub(r"http://[^/]+/published/", tables, sql)).fetchall()) == count
    csv = httpx.get(_address(_copied(shown, "CSV")), trust_env=False)
    assert (csv.status_code, len(list(reader(csv.text.splitlines()))) - 1) == (200, count)
    parquet = httpx.get(_address(_copied(shown, "Parquet")), trust_env=False)
    assert pq.read_table(BytesIO(parquet.content)).num_rows == count
    assert httpx.get(_address(_copied(shown, "curl")), trust_env=False).json()["data"]
    search = _copied(shown, "STAC")
    found = httpx.get(_address(search), trust_env=False).json()["numberMatched"]
    left = re.findall("# STAC search does not narrow by (.*)\n", search)
    assert left == ([_LEFT_BY_STAC[question]] if question in _LEFT_BY_STAC else [])
    assert found > count if left else found == count


def _copied(shown: Browser, way: str) -> str:
    button = f"[...document.querySelectorAll('.copy button')].find((each) => each.textContent === '{way}')"
    shown.evaluate(f"{button}.click()")
    return str(shown.evaluate("document.querySelector('.copied pre').textContent"))


def _address(command: str) -> str:
    (found,) = re.findall(r"'(http[^']+)'", command)
    return str(found)


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The program of axe-core, from the package index of npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm, which fetches axe-core, is not installed")
    folder = tmp_path_factory.mktemp("axe")
    command = [npm, "pack", _AXE, "--silent", "--pack-destination", str(folder), "--cache", str(folder / "cache")]
    fetched = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    if fetched.returncode != 0:
        pytest.skip("the package index of npm cannot be reached")
    (archive,) = folder.glob("*.tgz")
    subprocess.run(["tar", "-xf", archive, "-C", folder, "package/axe.min.js"], check=True)
    return Path(folder / "package" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("dark", [False, True])
def test_there_is_no_accessibility_fault(page: Open, axe: str, dark: bool) -> None:
    stop = stop_of(page)
    for query in ("", f"?rover={ROVER}&stop={stop}", "?rover=spirit"):
        shown = page(query, dark=dark)
        shown.evaluate(f"{axe};0")
        found = shown.evaluate(
            "axe.run(document).then((found) => ({passes: found.passes.length, violations: found.violations.map("
            "(each) => [each.id, each.impact, each.nodes.map((node) => node.target.join(' ')).slice(0, 5)])}))"
        )
        assert found["passes"] > 20
        assert found["violations"] == []
