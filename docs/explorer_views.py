"""The five views of the explorer in docs/: what each shows, and how it is taken. A part of ``make screenshots``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from martian_moments_tests.browser import Browser

WIDTH: Final = 1440
HEIGHT: Final = 900

_READY: Final = "document.querySelector('main h1') && !document.querySelector('[role=status]').textContent.startsWith('L')"
_LOADED: Final = "[...document.images].filter(visible).every((each) => each.complete)"
_VISIBLE: Final = (
    "window.visible = (each) => { const box = each.getBoundingClientRect();"
    " return box.bottom > 0 && box.top < innerHeight; }; true"
)
_DRAWN: Final = """Promise.all([...document.querySelectorAll("image")].map((each) => {
    const same = new Image();
    same.src = each.href.baseVal;
    return same.decode().catch(() => null);
})).then(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))"""
"""Pictures in an SVG do not say when they are complete; another of the same address does. Then what is there is painted."""


@dataclass(frozen=True, slots=True)
class View:
    """One view.

    Attributes:
        name: of the file.
        query: of the page's address.
        dark: as a visitor with dark pages sees it.
        before: a script that is run before the picture; ``''`` for none.
    """

    name: str
    query: str = ""
    dark: bool = False
    before: str = ""


def _top(selector: str) -> str:
    """Scroll so that an element begins below the upper edge."""
    return f"scrollTo(0, document.querySelector({selector!r}).getBoundingClientRect().top + scrollY - 40)"


_BUSY: Final = (
    "[...document.querySelectorAll('.stop-list a')]"
    ".sort((a, b) => parseInt(b.lastChild.textContent) - parseInt(a.lastChild.textContent))[2].click()"
)
"""Choose a stop with many pictures."""

VIEWS: Final = (
    View("explorer", dark=True),
    View("explorer-drive", "?rover=curiosity", before=_BUSY),
    View("explorer-around", "?rover=perseverance&pictures=1", dark=True, before=_BUSY),
    View("explorer-sols", "?rover=perseverance&sols=10..14&role=mast", before=_top(".heat-frame")),
    View(
        "explorer-photo",
        "?rover=perseverance&role=front_hazard",
        dark=True,
        before="document.querySelector('.tile').click()",
    ),
)


def take(browser: Browser, service: str, folder: Path) -> None:
    """Take every view of a running service."""
    for view in VIEWS:
        browser.open(f"{service}/explorer/{view.query}", width=WIDTH, height=HEIGHT, dark=view.dark)
        browser.wait_for(_READY)
        browser.evaluate(_VISIBLE)
        if view.before:
            browser.evaluate(f"{view.before};0")
        if view.name == "explorer-around":
            browser.wait_for("document.querySelector('.cylinder')")
            browser.evaluate(f"{_top('.strip')};0")
        browser.wait_for(_LOADED)
        browser.evaluate(_DRAWN)
        picture = browser.picture()
        (folder / f"{view.name}.png").write_bytes(picture)
        print(f"docs/{view.name}.png: {len(picture) / 1_000:.0f} kB")
