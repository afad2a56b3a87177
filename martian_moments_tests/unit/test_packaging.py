"""What the package is made of: its checks, its dependencies and its wheel."""

from __future__ import annotations

import shlex

import yaml

from martian_moments_tests.conftest import REPOSITORY


def test_the_hooks_before_a_commit_are_checks_of_make_lint_and_are_fetched_from_nowhere() -> None:
    config = yaml.safe_load((REPOSITORY / ".pre-commit-config.yaml").read_bytes())
    (local,) = config["repos"]
    assert local["repo"] == "local"
    recipe = (REPOSITORY / "Makefile").read_text().partition("\nlint: ")[2].partition("\n\n")[0]
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
