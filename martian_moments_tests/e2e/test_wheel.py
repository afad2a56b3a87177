"""The wheel is whole: installed where no checkout is, in an empty folder, it runs the demonstration."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from martian_moments_tests.conftest import REPOSITORY

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platforms"), pytest.mark.timeout(900)]


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """What a command printed, without any of this process's settings; a failing one fails the test with its words."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        command, cwd=folder, env=inherited | environment, capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of an environment that has the wheel, and this environment's other packages."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=REPOSITORY)
    (wheel,) = folder.glob("*.whl")
    environment = folder / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", environment, folder=folder)
    uv = Path(sys.executable).with_name("uv")
    run(uv, "pip", "install", "--offline", "--no-deps", "--python", environment / "bin" / "python", wheel, folder=folder)
    (packages,) = environment.glob("lib/*/site-packages")
    # A path in such a file is searched, but what is editable there stays unseen: that needs files which only a site runs.
    (packages / "others.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return environment / "bin"


def test_the_demonstration_runs_from_the_wheel_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    tell = "import martian_moments, martian_moments_dbt; print(martian_moments.__file__)"
    where = run(installed / "python", "-c", tell, folder=tmp_path)
    assert where.startswith(str(installed.parent)), "the package is the wheel's, not the checkout's"
    shown = run(installed / "martian-moments", "demo", "--exit", folder=tmp_path)
    assert shown.count("agrees") == 4, shown
    assert sorted(each.name for each in tmp_path.iterdir()) == [".mars"]
