"""What the package is made of: its checks, its dependencies and its wheel."""

from __future__ import annotations

import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from martian_moments_tests.conftest import REPOSITORY


def test_the_hooks_before_a_commit_are_checks_of_make_lint_and_are_fetched_from_nowhere() -> None:
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_bytes())
    (local,) = config["repos"]
    assert local["repo"] == "local"
    recipe = (REPOSITORY / "Makefile").read_text().partition("\nlint: ")[2].partition(".PHONY")[0]
    programs = {word for hook in local["hooks"] for word in shlex.split(hook["entry"]) if word.startswith(".venv/bin/")}
    assert {hook["language"] for hook in local["hooks"]} == {"system"}
    for program in programs:
        name = program.removeprefix(".venv/bin/")
        assert f"$(BIN)/{name}" in recipe or f"$({name.upper()})" in recipe, name


def test_the_locks_have_a_hash_for_each_package_and_name_no_host() -> None:
    for lock in (REPOSITORY / "requirements.lock", REPOSITORY / "deploy" / "requirements.lock"):
        text = lock.read_text()
        assert "://" not in text
        assert "--index" not in text
        packages = [each for each in text.replace("\\\n", "").splitlines() if "==" in each]
        assert len(packages) > 100
        assert [each for each in packages if "--hash=sha256:" not in each] == []


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout, built without a network."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package_and_of_the_dbt_project(wheel: Path) -> None:
    folders = [REPOSITORY / name for name in ("martian_moments", "martian_moments_dbt")]
    files = [path.relative_to(REPOSITORY) for folder in folders for path in folder.rglob("*") if path.is_file()]
    expected = {path.as_posix() for path in files if {"__pycache__", "target", "logs"}.isdisjoint(path.parts)}
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == expected
    assert held >= {
        "martian_moments/py.typed",
        "martian_moments/operations/dagster.yaml",
        "martian_moments_dbt/profiles.yml",
    }


def test_what_is_unpacked_from_the_wheel_finds_its_own_instance_and_dbt_project(wheel: Path, tmp_path: Path) -> None:
    unpacked = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    shows = (
        "from martian_moments.defs.dbt_specs import PROJECT\n"
        "from martian_moments.operations.baking import baked\n"
        "from martian_moments.operations.instance import INSTANCE_CONFIG\n"
        "print(INSTANCE_CONFIG, PROJECT / 'dbt_project.yml', baked(), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", shows],
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    *files, parsed = done.stdout.splitlines()
    assert files == [
        str(unpacked / "martian_moments" / "operations" / "dagster.yaml"),
        str(unpacked / "martian_moments_dbt" / "dbt_project.yml"),
    ]
    assert all(Path(file).is_file() for file in files)
    assert parsed == "False", "no machine's parsed project travels with it: the first command parses it where it is"
