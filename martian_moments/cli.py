"""The commands: ``martian-moments --help``."""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from martian_moments.domain.errors import InputError, MartianError, PlatformRunning
from martian_moments.domain.rovers import ROVERS
from martian_moments.infrastructure.space import require_space, shortage
from martian_moments.resources import Resources
from martian_moments.settings import Settings, unknown_settings
from martian_moments.settings.environment import given_secrets

if TYPE_CHECKING:
    from martian_moments.operations.backfill import Progress
    from martian_moments.operations.demo import Verdict
    from martian_moments.operations.status import Status
    from martian_moments.operations.supervisor import Supervisor
    from martian_moments.replica.running import Control

_STEPS: Final = {"already": "already", "made": "[green]made[/green]   ", "failed": "[red]failed[/red] "}

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)

app = typer.Typer(
    name="martian-moments",
    help="A complete, correct, queryable history of what NASA's Mars rovers photographed and where they drove.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run a command; an expected error is one message and exit code 1, a defect says where it is. Neither shows a secret."""
    for line in unknown_settings():
        _err.print(f"[yellow]martian-moments:[/yellow] {escape(line)}")
    try:
        app()
    except (MartianError, OSError) as error:
        _err.print(f"[red]martian-moments:[/red] {escape(given_secrets()(str(error)))}")
        sys.exit(1)
    except Exception:  # noqa: BLE001 - the last place that can keep a secret out of a traceback
        _err.print(escape(given_secrets().pieces(traceback.format_exc())))
        sys.exit(1)


@app.command()
def up(*, headless: Annotated[bool, typer.Option("--headless", help="Without the web interface.")] = False) -> None:
    """Start the whole embedded platform here and keep it running; Ctrl-C stops it. It starts to ingest at once."""
    settings = Settings.load()
    if settings.deployed:
        raise PlatformRunning(
            f"MARS_DAGSTER_HOME={settings.instance_home} names a deployed platform, which its own daemon, code server and "
            "workers run; start those (docs/operations.md), or unset it to start the embedded platform"
        )
    watch = _Watch(Resources(settings), seconds=15.0)
    _run_platform(settings, port=None if headless else settings.ui_port, on_round=watch)


@app.command()
def demo(*, leave: Annotated[bool, typer.Option("--exit", help="Stop when the loop has settled.")] = False) -> None:
    """Run the whole loop offline, on a generated Mars, and hold the result against the truth."""
    from martian_moments.operations import demo as demonstration
    from martian_moments.replica.running import running

    # A home of its own, always a new one: synthetic photos never meet NASA's, nor those of another release's replica.
    home = Settings.load().home / "demo"
    demonstration.start_anew(home)
    with running(demonstration.CONFIG) as replica:
        os.environ |= demonstration.environment(home, replica.addresses)
        settings = Settings.load()
        watch = _DemoWatch(Resources(settings), replica.control, leave=leave)
        _run_platform(settings, port=None if leave else settings.ui_port, on_round=watch)
    if not watch.agreed:
        raise typer.Exit(1)


@app.command()
def init() -> None:
    """Prepare what the settings name: bucket and its rules, topics, tables, Dagster's storage, pool limits.

    Each part is looked at first and made where it is missing; repeating it changes nothing.
    """
    from martian_moments.operations.parts import parts, prepare

    complete = True
    settings = Settings.load()
    for part in parts(Resources(settings)):
        step = prepare(part, settings.home)
        complete = complete and step.ok
        _out.print(f"{_STEPS[step.state]} {part.what}: {escape(part.where)}{escape(step.detail and f' ({step.detail})')}")
    if not complete:
        raise typer.Exit(1)


@app.command()
def refresh(rover: Annotated[str | None, typer.Argument(help="A rover; without one, all of them.")] = None) -> None:
    """Ask again now for manifests, traverse maps and every young sol."""
    from martian_moments.events.log import INGESTION_REQUESTS
    from martian_moments.events.messages import refresh_request
    from martian_moments.operations.instance import open_instance
    from martian_moments.operations.platform import require_running

    settings = Settings.load()
    rovers = settings.rovers if rover is None else (_known_rover(rover, settings),)
    with open_instance(settings) as instance:
        require_running(settings, instance)
    Resources(settings).event_log.publish(INGESTION_REQUESTS, [refresh_request(rovers, young=True)])
    _out.print(f"asked for a refresh of {', '.join(rovers)}; martian-moments status shows when it is done")


@app.command()
def backfill(
    rover: Annotated[str, typer.Argument(help="A rover.")], sols: Annotated[str, typer.Argument(help="FIRST-LAST")]
) -> None:
    """Backfill a range of sols on the running platform; Ctrl-C stops watching, not the backfill."""
    settings = Settings.load()
    _known_rover(rover, settings)
    from martian_moments.operations.instance import open_instance
    from martian_moments.operations.platform import require_running

    with open_instance(settings) as instance:
        require_running(settings, instance)
        require_space(settings.folders)
        from martian_moments.definitions import build_defs
        from martian_moments.defs.partitions import parse_range, registered_sols
        from martian_moments.operations.backfill import follow, launch

        wanted = parse_range(sols, registered_sols(instance, rover))
        definitions = build_defs(settings)
        backfill_id = launch(instance, definitions, rover, wanted)
        with _progress_bar(f"backfill {backfill_id}") as report:
            end = follow(instance, definitions, backfill_id, report)
    _out.print(f"backfill {backfill_id}: {end.materialized} of {end.total} sols materialized, {end.failed} failed")
    if end.materialized < end.total:
        _out.print("The gap sensor asks again for what failed; the run's page in the web interface says why it did.")
        raise typer.Exit(1)


@app.command()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False) -> None:
    """Show what is promised, what lake, bronze and silver hold, and what is missing."""
    from martian_moments.operations.instance import open_instance
    from martian_moments.operations.platform import is_running
    from martian_moments.operations.status import status as read_status

    settings = Settings.load()
    with open_instance(settings) as instance:
        now = read_status(Resources(settings), instance, running=is_running(settings, instance))
    if as_json:
        _out.print_json(json.dumps(now.to_json(), default=datetime.isoformat))
    else:
        _print_status(now)


letters = typer.Typer(help="Show the messages and objects that could not be used, and why.", invoke_without_command=True)
app.add_typer(letters, name="dead-letters")


@letters.callback()
def dead_letters(
    context: typer.Context, *, as_json: Annotated[bool, typer.Option("--json", help="One JSON array, for programs.")] = False
) -> None:
    """Show the messages and objects that could not be used, and why: topic, partition, offset, time, key and reason."""
    from martian_moments.operations import dead_letters as operation

    if context.invoked_subcommand is not None:
        return
    found = operation.dead_letters(Resources(Settings.load()).event_log)
    if as_json:
        _out.print_json(json.dumps([letter.to_json() for letter in found], default=datetime.isoformat))
        return
    for each in found:
        place = f"{each.topic} {each.partition} {each.offset}"
        _out.print(escape(f"{place}  {each.written_at:%Y-%m-%dT%H:%M:%SZ}  {each.key}: {each.reason}"))
    _out.print(f"{len(found)} dead letters")


@letters.command()
def replay(
    topic: Annotated[str | None, typer.Argument(help="The dead-letter topic.")] = None,
    partition: Annotated[int | None, typer.Argument(help="The letter's partition.")] = None,
    offset: Annotated[int | None, typer.Argument(help="The letter's offset.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Every letter.")] = False,
) -> None:
    """Publish what a letter holds again, to the topic that it came from; a broken object is announced again."""
    from martian_moments.operations import dead_letters as operation

    resources = Resources(Settings.load())
    if every and topic is None:
        chosen = operation.dead_letters(resources.event_log)
    elif not every and topic is not None and partition is not None and offset is not None:
        chosen = [operation.find(resources.event_log, topic, partition, offset)]
    else:
        raise InputError("name one letter by TOPIC PARTITION OFFSET, or all of them by --all")
    done = operation.replay(resources, chosen)
    for refusal in done.refused:
        _err.print(escape(refusal))
    told = ", ".join(f"{count} to {topic}" for topic, count in done.messages.items())
    _out.print(f"replayed: {told or 'nothing'}")
    if done.refused:
        raise typer.Exit(1)


@app.command()
def doctor(
    *, live: Annotated[bool, typer.Option("--live", help="Also ask each upstream whether it still is as known.")] = False
) -> None:
    """Check each part that the settings name, from here."""
    from martian_moments.operations.doctor import check_up
    from martian_moments.operations.live import check_live

    resources, faultless = Resources(Settings.load()), True
    # Each as soon as it is known: a part that does not respond holds up the later findings, not those before it.
    for finding in chain(check_up(resources), check_live(resources) if live else ()):
        mark = "[green]ok[/green]  " if finding.ok else "[red]fail[/red]"
        _out.print(f"{mark} {finding.what}: {escape(finding.detail)}")
        faultless = faultless and finding.ok
    if not faultless:
        raise typer.Exit(1)


@app.command()
def replica(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines and containers in.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 picks a free one.")] = 0,
    sols: Annotated[int | None, typer.Option(help="Sols with photos per rover; all of the mission by default.")] = None,
    scale: Annotated[float, typer.Option(help="Factor on the photos of every generated sol.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Of the generated mission and of the faults.")] = 1,
    counts: Annotated[Path | None, typer.Option(help="Folder of manifests whose counts a generated mission takes.")] = None,
    recorded: Annotated[Path | None, typer.Option(help="Folder of recorded payloads to serve.")] = None,
    unrecorded: Annotated[str, typer.Option(help="A recorded rover's other sols: refuse, generate or omit.")] = "refuse",
    paginated: Annotated[bool, typer.Option("--paginated", help="Answer page by page, as mirrors do.")] = False,
    late_sols: Annotated[int, typer.Option(help="Newest sols that are withheld until released.")] = 0,
    late_share: Annotated[float, typer.Option(help="Share of the newest sols' photos that is withheld.")] = 0.0,
    latency_ms: Annotated[float, typer.Option(help="Delay of every answer.")] = 0.0,
    faulty: Annotated[float, typer.Option(help="Share of the answers that go wrong, 0 to 1.")] = 0.0,
) -> None:
    """Serve the offline NASA. Set the addresses (MARS_..._URL) that it prints, and MARS_HOME to a folder of its own."""
    from martian_moments.replica.config import ReplicaConfig
    from martian_moments.replica.faults import FaultPlan
    from martian_moments.replica.server import serve

    if unrecorded not in ("refuse", "generate", "omit"):
        raise InputError(f"--unrecorded {unrecorded} is not known; use refuse, generate or omit")
    config = ReplicaConfig(
        seed=seed,
        sols=sols,
        scale=scale,
        counts=counts,
        recorded=recorded,
        unrecorded=unrecorded,  # type: ignore[arg-type] # checked above
        paginated=paginated,
        late_sols=late_sols,
        late_share=late_share,
        faults=FaultPlan(latency_ms=latency_ms, share=faulty),
    )
    serve(config, host=host, port=port, on_ready=_tell_replica)


def _tell_replica(url: str) -> None:
    from martian_moments.replica.running import RunningReplica

    for name, address in RunningReplica(url).addresses.items():
        _out.print(f"MARS_{name.upper()}={address}")


def _run_platform(settings: Settings, *, port: int | None, on_round: _Watch) -> None:
    """Prepare and run the platform. It asks itself for every manifest and traverse map as soon as it runs."""
    from martian_moments.events.log import INGESTION_REQUESTS
    from martian_moments.events.messages import refresh_request
    from martian_moments.infrastructure.web import check_environment
    from martian_moments.operations.instance import INSTANCE_CONFIG
    from martian_moments.operations.supervisor import run_platform

    check_environment()
    resources = Resources(settings)
    require_space(settings.folders)
    _bake()
    resources.event_log.publish(INGESTION_REQUESTS, [refresh_request(settings.rovers, young=False)])
    run_platform(
        settings.home,
        instance_config=INSTANCE_CONFIG,
        port=port,
        pools=settings.pools,
        on_event=_tell,
        folders=settings.folders,
        on_round=on_round,
    )


def _bake() -> None:
    from martian_moments.operations.baking import bake

    if bake():
        _tell("the dbt project has been parsed")


class _Watch:
    """Shows the platform's progress while it runs: a line whenever it has changed, looked up every few seconds."""

    def __init__(self, resources: Resources, *, seconds: float) -> None:
        self._resources = resources
        self._seconds = seconds
        self._next_look = 0.0
        self._shown = ""

    def __call__(self, platform: Supervisor) -> bool:
        """One round; tells whether the platform may stop."""
        from martian_moments.operations.instance import storage_errors
        from martian_moments.operations.status import status as read_status

        if platform.pause.active or time.monotonic() < self._next_look:
            return False
        try:
            with storage_errors(self._resources.settings.instance_home):
                now = read_status(self._resources, platform.instance, running=True)
        except MartianError:
            if shortage(self._resources.settings.folders) is None:
                raise
            return False  # the disk has just become full, and the pause begins
        self._next_look = time.monotonic() + self._seconds
        line = _progress_line(now)
        if line != self._shown:
            _tell(line)
        self._shown = line
        return self._looked(now, platform)

    def _looked(self, now: Status, platform: Supervisor) -> bool:  # noqa: ARG002 - for watches that act on what they see
        return False


class _DemoWatch(_Watch):
    """Shows the demo's progress and, when it has settled, its verdict."""

    def __init__(self, resources: Resources, control: Control, *, leave: bool) -> None:
        super().__init__(resources, seconds=2.0)
        self._control = control
        self._leave = leave
        self._judged = False
        self.agreed = False

    def _looked(self, now: Status, platform: Supervisor) -> bool:
        from martian_moments.operations.demo import compare

        if self._judged or not now.settled:
            return False
        self._judged = True
        verdicts = compare(self._resources, now, self._control)
        self.agreed = all(verdict.agrees for verdict in verdicts)
        _print_verdicts(verdicts)
        if not self._leave:
            _out.print(f"Mars is at {platform.state.url}; Ctrl-C stops it.")
        return self._leave


def _progress_line(now: Status) -> str:
    rovers = now.rovers.values()
    promised, lake = sum(each.photos_expected for each in rovers), sum(each.photos_in_lake for each in rovers)
    bronze, silver = _sum(each.photos_in_bronze for each in rovers), _sum(each.photos_in_silver for each in rovers)
    waiting = f"; waiting for {now.waiting_for[0]}" if now.waiting_for else "; settled"
    held = f"{lake:,} in the lake, {_count(bronze)} in bronze, {_count(silver)} in silver"
    return f"photos: {promised:,} promised, {held}{waiting}"


def _sum(counts: Iterable[int | None]) -> int | None:
    """A sum, unknown where one of its parts is."""
    known = list(counts)
    return None if None in known else sum(count or 0 for count in known)


def _count(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _known_rover(rover: str, settings: Settings) -> str:
    if rover not in settings.rovers:
        known = "not in MARS_ROVERS" if rover in ROVERS else "no rover"
        raise InputError(f"{rover} is {known}; use one of {', '.join(settings.rovers)}")
    return rover


@contextmanager
def _progress_bar(title: str) -> Iterator[Callable[[Progress], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("sols"), TimeElapsedColumn())
    with Bars(*columns, console=_err) as bars:
        bar = bars.add_task(title, total=None)
        yield lambda now: bars.update(bar, completed=now.materialized + now.failed, total=now.total)


def _print_status(now: Status) -> None:
    rovers = [
        {
            "": ROVERS[rover].title,
            "sols": "unserved" if each.state == "unserved" else f"{each.sols_in_lake:,}/{each.sols_expected:,}",
            "promised": f"{each.photos_expected:,}",
            "lake": f"{each.photos_in_lake:,}",
            "bronze": _count(each.photos_in_bronze),
            "silver": _count(each.photos_in_silver),
            "missing": f"{len(each.gaps):,}",
            "short": f"{len(each.short):,}",
        }
        for rover, each in now.rovers.items()
    ]
    _print_rovers(rovers)
    unread = {topic: sum(partitions.values()) for topic, partitions in now.lag.items()}
    _out.print("unread: " + ", ".join(f"{count:,} of {topic}" for topic, count in unread.items()))
    if now.dead_letters:
        _out.print(f"{now.dead_letters} dead letters; martian-moments dead-letters shows them")
    for host, until in now.pauses.items():
        _out.print(f"{escape(host)} wants no requests before {until:%Y-%m-%d %H:%M} UTC")
    for warning in now.warnings:
        _out.print(f"warning: {warning}")
    _out.print("settled" if now.settled else "\n".join(["not settled:", *(f"- {reason}" for reason in now.waiting_for)]))


def _print_verdicts(verdicts: Sequence[Verdict]) -> None:
    rovers = []
    for each in verdicts:
        driven = ["no map", ""] if each.distance_m is None else [f"{metres / 1_000:.3f}" for metres in each.distance_m]
        photos = dict(zip(("truth", "lake", "bronze", "gold"), (f"{count:,}" for count in each.photos), strict=True))
        rovers.append(
            {
                "": ROVERS[each.rover].title,
                "source": each.source,
                **photos,
                "photos": "identical" if each.identical else "different",
                "km truth": driven[0],
                "km gold": driven[1],
                "verdict": "[green]agrees[/green]" if each.agrees else "[red]differs[/red]",
            }
        )
    _print_rovers(rovers)


def _print_rovers(rovers: Sequence[Mapping[str, str]]) -> None:
    """A column for each rover and a line for each fact: four rovers fit into 80 columns, and no number is ever cut."""
    _, *facts = rovers[0]
    table = Table("", box=SIMPLE_HEAD, pad_edge=False)
    for rover in rovers:
        table.add_column(rover[""], justify="right", no_wrap=True)
    for fact in facts:
        table.add_row(fact, *(rover[fact] for rover in rovers))
    _out.print(table)


def _tell(line: str) -> None:
    _out.print(f"{time.strftime('%H:%M:%S')} {escape(line)}")
