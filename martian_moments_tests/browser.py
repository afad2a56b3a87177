"""A headless Chromium, driven through its DevTools protocol: for tests of the page, and for the pictures in docs/."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
from websockets.sync.client import ClientConnection, connect

from martian_moments_tests.waiting import wait_until

PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_S: Final = 60.0

_KEYS: Final = {"Enter": 13, "Escape": 27, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
"""Virtual codes of keys that a page listens to."""


class Browser:
    """One tab.

    Attributes:
        errors: what the page wrote to the console as an error, and exceptions that nobody caught.
        requests: the address of every request, in their order.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._ids = count(1)
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def open(self, url: str, *, width: int = 1440, height: int = 900, dark: bool = False, phone: bool = False) -> None:
        """Go to a page in a window of that size, and wait until it has loaded.

        Args:
            url: of the page.
            width: of the window in CSS pixels.
            height: likewise.
            dark: whether the visitor prefers dark pages.
            phone: whether the screen is touched.
        """
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme, {"name": "prefers-reduced-motion", "value": "reduce"}])
        self.call("Page.navigate", url=url)
        self.wait_for("document.readyState === 'complete'")

    def evaluate(self, script: str) -> Any:
        """The value of an expression in the page; a promise is waited for."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise AssertionError(found["exceptionDetails"].get("exception", found["exceptionDetails"]).get("description"))
        return found["result"].get("value")

    def wait_for(self, script: str) -> None:
        """Wait until an expression is true in the page."""
        wait_until(
            # An element itself would arrive as an empty object.
            lambda: self.evaluate(f"Boolean({script})"),
            lambda: f"the page comes to {script}; its errors: {self.errors}",
            PATIENCE_S,
            pause=0.05,
        )

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key."""
        named = {"key": key, "code": key, "windowsVirtualKeyCode": _KEYS.get(key, ord(key[0].upper()))}
        # Only a key with a text is a click on the link or button that has the focus.
        down = named | ({"text": "\r"} if key == "Enter" else {}) | {"modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def mouse(self, x: float, y: float, *, click: bool = False) -> None:
        """Move the mouse to a place of the window, and click there."""
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
        for kind in ("mousePressed", "mouseReleased") if click else ():
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def picture(self, *, whole: bool = False) -> bytes:
        """What is seen in the window, or the whole page, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)["data"])

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        call = next(self._ids)
        self._connection.send(json.dumps({"id": call, "method": method, "params": params}))
        while True:
            response = json.loads(self._connection.recv(timeout=PATIENCE_S))
            if response.get("id") == call:
                if "error" in response:
                    raise RuntimeError(f"{method}: {response['error']['message']}")
                return dict(response["result"])
            self._note(response)

    def _note(self, event: dict[str, Any]) -> None:
        found = event["params"]
        match event["method"]:
            case "Network.requestWillBeSent":
                url = found["request"]["url"]
                # The browser's own controls of a video are data.
                if not url.startswith("data:"):
                    self.requests.append(url)
            case "Runtime.exceptionThrown":
                self.errors.append(json.dumps(found["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if found["type"] in {"error", "warning"}:
                self.errors.append(json.dumps(found["args"]))
            case "Log.entryAdded" if found["entry"]["level"] == "error":
                self.errors.append(f"{found['entry']['text']} {found['entry'].get('url', '')}")


def installed() -> str | None:
    """The program, or None where there is none."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@contextlib.contextmanager
def chromium(program: str) -> Iterator[Browser]:
    """A headless Chromium with an empty profile."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        quiet = ("--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync")
        # Without the sandbox because root, as in a container, cannot have one; it only sees our own pages.
        options = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *quiet, f"--user-data-dir={profile}")
        process = subprocess.Popen(
            [program, *options, "--remote-debugging-port=0", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port_file = Path(profile) / "DevToolsActivePort"

        def port_of() -> str | None:
            assert process.poll() is None, f"{program} did not start"
            lines = port_file.read_text().split() if port_file.is_file() else []
            return lines[0] if lines else None

        try:
            port = wait_until(port_of, f"{program} starts", PATIENCE_S, pause=0.05)
            tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", trust_env=False).json()
            address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            with connect(address, max_size=None, proxy=None) as connection:
                yield Browser(connection)
        finally:
            process.terminate()
            process.wait()
