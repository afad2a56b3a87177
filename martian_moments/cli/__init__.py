"""The commands: ``martian-moments --help``."""

from __future__ import annotations

import json
import os
import sys
import traceback
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.markup import escape

from martian_moments.cli.dead_letters import letters
from martian_moments.domain.errors import InputError, MartianError, PlatformRunning
from martian_moments.domain.rovers import ROVERS
from martian_moments.infrastructure.garbage import no_collections
from martian_moments.infrastructure.space import require_space
from martian_moments.infrastructure.without_pandas import do_without_pandas
from martian_moments.resources import Resources
from martian_moments.settings import Settings, unknown_settings
from martian_moments.settings.environment import given_secrets
from martian_moments.terminal import (
    ERR,
    OUT,
    print_moments,
    print_movie,
    print_status,
    print_verdicts,
    progress_bar,
    say,
    step_bars,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from martian_moments.operations.demo import Verdict
    from martian_moments.operations.watching import Watch

_STEPS: Final = {"already": "already", "made": "[green]made[/green]   ", "failed": "[red]failed[/red] "}

_INTERRUPTED: Final = 130
"""What a shell gives a program that SIGINT has ended."""

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
        ERR.print(f"[yellow]martian-moments:[/yellow] {escape(line)}")
    try:
        app()
    except (MartianError, OSError) as error:
        ERR.print(f"[red]martian-moments:[/red] {escape(given_secrets()(str(error)))}")
        sys.exit(1)
    except Exception:  # noqa: BLE001 - the last place that can keep a secret out of a traceback
        ERR.print(escape(given_secrets().pieces(traceback.format_exc())))
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
    from martian_moments.operations.watching import Watch

    watch = Watch(Resources(settings), say, seconds=15.0)
    _run_platform(settings, port=None if headless else settings.ui_port, serves=settings.serve, on_round=watch)


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
        do_without_pandas()
        settings = Settings.load()
        watch = demonstration.DemoWatch(
            Resources(settings), say, control=replica.control, on_verdicts=_show_verdicts, leave=leave
        )
        port = None if leave else settings.ui_port
        _run_platform(settings, port=port, serves=settings.serve and not leave, on_round=watch)
    if not watch.agreed:
        raise typer.Exit(1)


@app.command()
def serve() -> None:
    """Serve the published tables, movies and pictures over HTTP; up and demo do it as well. Ctrl-C stops it."""
    from martian_moments.serving.start import serve as run_service

    settings = Settings.load()
    _bake()
    run_service(Resources(settings), on_ready=lambda address: OUT.print(f"Serving {address}"))


@app.command()
def export_site(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder, or an exported site.")]) -> None:
    """Write the explorer with its data as a static site, which any web server shows."""
    from martian_moments.serving.explorer import site

    resources = Resources(Settings.load())
    _bake()
    with step_bars() as report:
        written = site.export_site(resources.published, resources.lake, folder, report=report)
    OUT.print(f"{escape(str(folder))}: {written.files:,} files, {written.bytes / 1e6:.1f} MB")


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
        OUT.print(f"{_STEPS[step.state]} {part.what}: {escape(part.where)}{escape(step.detail and f' ({step.detail})')}")
    if not complete:
        raise typer.Exit(1)


@app.command()
def refresh(rover: Annotated[str | None, typer.Argument(help="A rover; without one, all of them.")] = None) -> None:
    """Ask again now for manifests, traverse maps and every recent sol."""
    from martian_moments.events.log import INGESTION_REQUESTS
    from martian_moments.events.messages import refresh_request
    from martian_moments.operations.instance import open_instance
    from martian_moments.operations.platform import require_running

    settings = Settings.load()
    rovers = settings.rovers if rover is None else (_known_rover(rover, settings),)
    with open_instance(settings) as instance:
        require_running(settings, instance)
    Resources(settings).event_log.publish(INGESTION_REQUESTS, [refresh_request(rovers, young=True)])
    OUT.print(f"asked for a refresh of {', '.join(rovers)}; martian-moments status shows when it is done")


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
        with progress_bar(f"backfill {backfill_id}") as report:
            end = follow(instance, definitions, backfill_id, report)
    OUT.print(f"backfill {backfill_id}: {end.materialized} of {end.total} sols materialized, {end.failed} failed")
    if end.materialized < end.total:
        OUT.print("The gap sensor asks again for what failed; the run's page in the web interface says why it did.")
        raise typer.Exit(1)


@app.command()
@no_collections()
def status(*, as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False) -> None:
    """Show what is promised, what lake, bronze and silver hold, and what is missing."""
    # Arrow imports numpy, whose BLAS starts a thread for each further processor, and each spins for 50 ms, waiting for work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from martian_moments.operations.instance import open_instance
    from martian_moments.operations.platform import is_running
    from martian_moments.operations.status import status as read_status

    settings = Settings.load()
    with open_instance(settings) as instance:
        now = read_status(Resources(settings), instance, running=is_running(settings, instance))
    if as_json:
        OUT.print_json(json.dumps(now.to_json(), default=datetime.isoformat))
    else:
        print_status(now)


app.add_typer(letters, name="dead-letters")


@app.command()
def movie(
    rover: Annotated[str, typer.Argument(help="A rover.")],
    camera: Annotated[str, typer.Argument(help="A camera; several with + between them.")],
    sols: Annotated[str, typer.Argument(help='FIRST-LAST, one sol, "last 30" or all.')],
    *,
    kind: Annotated[str, typer.Option(help="drive, sky, view or all; anaglyph and panorama are one picture.")] = "all",
    lmst: Annotated[str | None, typer.Option(help="Time of day by local mean solar time: 09:30-15:00.")] = None,
    fps: Annotated[int, typer.Option(help="Frames a second.")] = 12,
    size: Annotated[int, typer.Option(help="Pixels of the longer side, at most.")] = 1280,
    codec: Annotated[str, typer.Option(help="h264, vp9 or av1.")] = "h264",
    limit: Annotated[int, typer.Option(help="The most frames; of more the newest.")] = 600,
    overlay: Annotated[bool, typer.Option(help="Sol, local time, place and credit in the picture.")] = True,
    output: Annotated[
        Path | None, typer.Option(help="The file; by default named after rover, camera, sols and kind.")
    ] = None,
) -> None:
    """Make a movie at once, from the pictures of the photos that the platform knows; Ctrl-C leaves what was downloaded."""
    from martian_moments.domain.moments import parse_moment
    from martian_moments.operations.movies import make_at_once
    from martian_moments.pipelines.movies import suffix_of

    resources = Resources(Settings.load())
    _known_rover(rover, resources.settings)
    table = {"rover": rover, "cameras": camera.split("+"), "kind": kind, "sols": sols, "fps": fps, "size": size}
    table |= {"codec": codec, "limit": limit, "overlay": overlay, "title": f"{ROVERS[rover].title} {camera} {sols}"}
    wanted = parse_moment("movie", table | ({} if lmst is None else {"lmst": lmst}), "movie")
    name = f"{rover}-{camera}-{sols}-{kind}".lower().replace(" ", "-")
    path = output or Path(f"{name}{suffix_of(wanted)}")
    try:
        with step_bars() as report:
            done = make_at_once(resources, wanted, path, report)
    except KeyboardInterrupt:
        ERR.print("stopped; the pictures that have arrived stay in the lake, and the same command goes on from there")
        raise typer.Exit(_INTERRUPTED) from None
    print_movie(path, done)


@app.command()
def moments(*, as_json: Annotated[bool, typer.Option("--json", help="One JSON array, for programs.")] = False) -> None:
    """List the moments of the rovers that are kept, with their movies."""
    from martian_moments.operations.movies import states

    found = list(states(Resources(Settings.load())))
    if as_json:
        OUT.print_json(json.dumps([each.to_json() for each in found]))
    else:
        print_moments(found)


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
        OUT.print(f"{mark} {finding.what}: {escape(finding.detail)}")
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
    paginated: Annotated[bool, typer.Option("--paginated", help="Respond page by page, as mirrors do.")] = False,
    late_sols: Annotated[int, typer.Option(help="Newest sols that are withheld until released.")] = 0,
    late_share: Annotated[float, typer.Option(help="Share of the newest sols' photos that is withheld.")] = 0.0,
    bad_pictures: Annotated[float, typer.Option(help="Share of the photos whose picture has a flaw, 0 to 1.")] = 0.1,
    latency_ms: Annotated[float, typer.Option(help="Delay of every response.")] = 0.0,
    faulty: Annotated[float, typer.Option(help="Share of the responses that go wrong, 0 to 1.")] = 0.0,
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
        bad_pictures=bad_pictures,
        faults=FaultPlan(latency_ms=latency_ms, share=faulty),
    )
    serve(config, host=host, port=port, on_ready=_report_replica)


def _report_replica(url: str) -> None:
    from martian_moments.replica.running import RunningReplica

    for name, address in RunningReplica(url).addresses.items():
        OUT.print(f"MARS_{name.upper()}={address}")


def _show_verdicts(verdicts: Sequence[Verdict], addresses: Mapping[str, str]) -> None:
    print_verdicts(verdicts)
    if addresses:
        OUT.print(f"{', '.join(f'{what} is at {address}' for what, address in addresses.items())}; Ctrl-C stops it.")


def _run_platform(settings: Settings, *, port: int | None, serves: bool, on_round: Watch) -> None:
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
        on_event=say,
        folders=settings.folders,
        service=(settings.serve_host, settings.serve_port) if serves else None,
        on_round=on_round,
    )


def _bake() -> None:
    from martian_moments.operations.baking import bake

    if bake():
        say("the dbt project has been parsed")


def _known_rover(rover: str, settings: Settings) -> str:
    if rover not in settings.rovers:
        known = "not in MARS_ROVERS" if rover in ROVERS else "no rover"
        raise InputError(f"{rover} is {known}; use one of {', '.join(settings.rovers)}")
    return rover
