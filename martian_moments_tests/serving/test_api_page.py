"""docs/api.md on a running service: every line of curl and every block of Python does what it says."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from martian_moments_tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
WRITTEN = "http://127.0.0.1:3001"
LINES = re.findall(r"^curl .*", PAGE, flags=re.MULTILINE)
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_page_has_something_to_run() -> None:
    assert len(LINES) >= 6
    assert len(BLOCKS) >= 2


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("line", LINES)
def test_a_line_of_curl_is_responded_to(address: str, tmp_path: Path, line: str) -> None:
    command = line.replace("curl ", "curl --fail-with-body --silent --show-error ", 1).replace(WRITTEN, address)
    # Its words are those of a shell.
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, (line, done.stdout[:1_000], done.stderr)
    assert done.stdout or any(tmp_path.iterdir())
    assert not re.search(rb'"(features|data|photos|latest_photos)": ?\[\]', done.stdout), "it finds nothing"


@pytest.mark.parametrize("block", BLOCKS)
def test_a_block_of_python_prints_what_it_finds(address: str, block: str) -> None:
    # Not in this process, which serves: GDAL keeps Python from running while it waits for a response.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", block.replace(WRITTEN, address)],
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.strip()
