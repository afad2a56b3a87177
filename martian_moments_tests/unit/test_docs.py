"""The documentation says what the code does: every setting, command, target, topic and link, and the README's query."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer.core
import typer.main
from jsonschema import Draft202012Validator

from martian_moments.cli import app
from martian_moments.events.log import INGESTION_REQUESTS, LOADS_COMPLETE, TOPICS
from martian_moments.events.messages import json_schemas, parse_request
from martian_moments.settings import Settings
from martian_moments.settings.groups import Group, environment_name
from martian_moments_tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()
OPERATIONS = (REPOSITORY / "docs" / "operations.md").read_text()
PAGES = [*sorted(REPOSITORY.glob("*.md")), *sorted((REPOSITORY / "docs").rglob("*.md"))]


ROOTS = [REPOSITORY / name for name in ("", "martian_moments", "martian_moments_dbt")]
"""Where a page means a file: the repository, or one of the two packages whose files are named most."""


def name_of(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


def settings(group: type[Group] = Settings) -> dict[str, str]:
    """Every setting as it is written in the environment, with its default; empty for one without."""
    defaults = {}
    for field, info in group.model_fields.items():
        value = info.default
        if field == "kafka":
            defaults["MARS_KAFKA_*"] = ""
        elif isinstance(info.default_factory, type) and issubclass(info.default_factory, Group):
            defaults |= settings(info.default_factory)
        else:
            text = ",".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
            defaults[environment_name(group, field)] = text
    return defaults


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def commands() -> typer.core.TyperGroup:
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return group


def mentioned(text: str, program: str) -> list[list[str]]:
    """The arguments of every mention of a program, in code blocks and between backticks."""
    lines = [line for block in code_blocks(text, "sh") for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", text)
    found = [shlex.split(line, comments=True) for line in lines if re.match(rf"(\S*/)?{program} ", line)]
    return [words[1:] for words in found]


def test_the_table_of_settings_names_each_setting_with_its_default() -> None:
    rows = re.findall(r"^\| `((?:MARS|AWS|SNOWFLAKE)_[\w*]+)` \| (.*?) \|", README, flags=re.MULTILINE)
    assert {name for name, _ in rows} == set(settings())
    stated = {name: default.strip("`") for name, default in rows if default.startswith("`")}
    assert stated == {name: default for name, default in settings().items() if default}


def test_the_example_of_an_env_file_names_each_setting_with_its_default() -> None:
    rows = re.findall(r"^# ([\w*]+)=(.*)$", (REPOSITORY / ".env.example").read_text(), flags=re.MULTILINE)
    assert dict(rows) == settings()


def test_the_table_of_commands_names_each_command() -> None:
    rows = re.findall(r"^\| `martian-moments ([\w-]+)", README, flags=re.MULTILINE)
    assert sorted(set(rows)) == sorted(commands().commands)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_of_a_page_is_accepted(page: Path) -> None:
    for name, *arguments in mentioned(page.read_text(), "martian-moments"):
        # Parses the arguments as the command would, without running it; click raises for what it does not know.
        commands().commands[name].make_context(name, arguments)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_make_target_of_a_page_exists(page: Path) -> None:
    targets = re.findall(r"^([a-z-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE)
    for target, *_ in mentioned(page.read_text(), "make"):
        assert target in targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)", page.read_text()) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_of_the_code_that_a_page_names_exists(page: Path) -> None:
    named = re.findall(r"`((?:\w+/)+\w+\.(?:py|sql|yml|yaml))`", page.read_text())
    assert [name for name in named if not any((root / name).exists() for root in ROOTS)] == []


def test_the_packages_on_the_page_of_the_architecture_are_the_layers_that_make_lint_holds() -> None:
    page = (REPOSITORY / "docs" / "architecture.md").read_text()
    (packages,) = code_blocks(page[page.index("## The packages") :], "")
    starts = re.findall(r"^(?:\w+(?:/|\.py) *)+", packages, flags=re.MULTILINE)
    named = [sorted(re.findall(r"(\w+)(?:/|\.py)", start)) for start in starts]
    linter = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = (contract["layers"] for contract in linter["contracts"] if contract["type"] == "layers")
    assert named == [sorted(layer.split(" | ")) for layer in layers]


def test_every_decision_is_in_the_list_of_decisions_and_has_its_four_parts() -> None:
    folder = REPOSITORY / "docs" / "decisions"
    records = sorted(folder.glob("0*.md"))
    assert len(records) >= 10
    listed = re.findall(r"\]\((.+?)\)", (folder / "README.md").read_text())
    assert listed == [record.name for record in records]
    for record in records:
        parts = re.findall(r"^\*\*(\w+)\.\*\*", record.read_text(), flags=re.MULTILINE)
        assert parts == ["Context", "Decision", "Rejected", "Evidence"], record.name


def test_the_newest_release_in_the_changelog_is_this_one_and_says_what_an_upgrade_needs() -> None:
    changes = (REPOSITORY / "CHANGELOG.md").read_text()
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    releases = re.split(r"^## ", changes, flags=re.MULTILINE)[1:]
    assert releases[0].split()[0] == project["version"]
    assert "### Upgrade\n" in releases[0]


def test_every_chapter_that_a_page_links_to_is_there() -> None:
    for page in PAGES:
        for target, chapter in re.findall(r"\]\(([\w./-]*\.md)?#([\w-]+)\)", page.read_text()):
            headings = re.findall(r"^#+ (.+)$", (page.parent / target if target else page).read_text(), flags=re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings]
            assert chapter in anchors, f"{name_of(page)} links to #{chapter}"


def test_the_query_of_the_readme_counts_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (query,) = code_blocks(README, "python")
    assert len(query.splitlines()) == 3
    table = tmp_path / ".mars" / "demo" / "published" / "silver" / "fact_photos" / "rover=spirit" / "00000.parquet"
    table.parent.mkdir(parents=True)
    pq.write_table(pa.table({"camera": ["NAVCAM", "FHAZ", "NAVCAM"]}), table)
    monkeypatch.chdir(tmp_path)

    exec(compile(query, "README.md", "exec"), {})

    rows = [line.split() for line in capsys.readouterr().out.replace("│", " ").splitlines()]
    assert ["spirit", "NAVCAM", "2"] in rows
    assert ["spirit", "FHAZ", "1"] in rows


def test_every_topic_is_described() -> None:
    assert [topic for topic in TOPICS if f"`{topic}`" not in OPERATIONS] == []


def shown_messages() -> list[dict[str, object]]:
    return [orjson.loads(line) for block in code_blocks(OPERATIONS, "json") for line in block.splitlines()]


def test_the_requests_that_are_shown_are_understood() -> None:
    shown = [message for message in shown_messages() if "rover" in message or "refresh" in message]
    assert len(shown) == 2
    for request in shown:
        assert parse_request(orjson.dumps(request)).schema_version == 1


def test_the_schemas_of_topics_are_those_of_the_code() -> None:
    written = {path.stem: orjson.loads(path.read_bytes()) for path in (REPOSITORY / "docs" / "schemas").glob("*.json")}
    assert written == json_schemas(), "run .venv/bin/python docs/schemas.py"


def test_each_message_that_is_shown_is_one_of_its_schema() -> None:
    validators = {topic: Draft202012Validator(schema) for topic, schema in json_schemas().items()}
    fitting = [[topic for topic, validator in validators.items() if validator.is_valid(each)] for each in shown_messages()]
    assert fitting == [[INGESTION_REQUESTS], [INGESTION_REQUESTS], [LOADS_COMPLETE]]
